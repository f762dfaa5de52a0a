"""What Python expects of the scaling calculator's JavaScript."""

import random

from fmlab.scaling import PEAKS, PUBLISHED_MODELS
from fmlab.widgets import ScalingCalculator as Widget


def vectors():
    rng, cases = random.Random(0), []
    for model in PUBLISHED_MODELS:
        for accelerator in PEAKS:
            settings = {
                "n_accelerators": rng.choice([1, 8, 1024, 2**17]),
                "accelerator": accelerator,
                "utilization": rng.choice([0.05, 0.4, 1.0]),
                "price": rng.choice([0.5, 2.0, 10.0]),
                "context": rng.choice([128, 8192, 2**20]),
                "batch": rng.choice([1, 3, 256]),
            }
            cases.append(case(Widget(model.name, **settings)))
    cases.append(case(Widget("DeepSeek-V3", n_params=1e9, n_tokens=2e10)))
    widget = Widget()
    return {"presets": widget.presets, "peaks": widget.peaks, "cases": cases}


def case(widget):
    names = ["preset", "n_params", "n_tokens", "n_accelerators", "accelerator", "utilization"]
    settings = {name: getattr(widget, name) for name in [*names, "price", "context", "batch"]}
    return {"settings": settings, "results": widget.results}
