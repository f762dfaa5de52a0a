"""Models for planning an application: risk, automation, flywheel, thresholds, effort, drift, cost.

They are models, not measurements: each docstring states the formula and what it assumes. Money is
in dollars. `MODELS` lists their inputs and outputs, for tables and for the calculator.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "waiting": ["ordinal_score", "waiting"],
        "role": ["role"],
        "automation": ["automation", "break_even_accuracy", "cheapest", "simulate_levels"],
        "flywheel": ["flywheel", "flywheel_path"],
        "usefulness": ["percentile", "usefulness", "verdict"],
        "last_mile": ["fixes_needed", "last_mile", "quality_path"],
        "drift": ["drift"],
        "sourcing": ["sourcing"],
        "catalog": ["MODELS", "Input", "Output", "PlanningModel", "defaults", "evaluate"],
        "sensitivity": ["sensitivity"],
        "sheet": ["FIELDS", "read_sheet", "write_sheet"],
    },
)
