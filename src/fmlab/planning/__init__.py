"""Models for planning an application: risk, automation, flywheel, thresholds, effort, drift, cost.

They are models, not measurements: each docstring states the formula and what it assumes. Money is
in dollars. `MODELS` lists their inputs and outputs, for tables and for the calculator.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "risk": ["ordinal_score", "waiting"],
        "roles": ["role"],
        "levels": ["automation", "break_even_accuracy", "cheapest", "simulate_levels"],
        "moats": ["flywheel", "flywheel_path"],
        "thresholds": ["percentile", "usefulness", "verdict"],
        "effort": ["fixes_needed", "last_mile", "quality_path"],
        "prices": ["drift"],
        "sources": ["sourcing"],
        "catalog": ["MODELS", "Input", "Output", "PlanningModel", "defaults", "evaluate"],
        "swings": ["sensitivity"],
        "sheet": ["FIELDS", "read_sheet", "write_sheet"],
    },
)
