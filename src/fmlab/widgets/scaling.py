"""The scaling calculator: what it takes to train a model and to keep it in memory."""

from __future__ import annotations

import html

from traitlets import Dict, Float, Int, List, Unicode, observe, validate

from fmlab.arguments import is_number, require
from fmlab.scaling import (
    PEAKS,
    PUBLISHED_MODELS,
    chinchilla_optimal,
    kv_cache_bytes,
    training_cost,
    training_flops,
    training_seconds,
    weight_bytes,
)
from fmlab.widgets.base import Widget

# The ranges of the settings. The stops of the sliders in scaling.js lie within them.
RANGES = {
    "n_params": (1e5, 1e13),
    "n_tokens": (1e6, 1e15),
    "n_accelerators": (1, 2**17),
    "utilization": (0.05, 1.0),
    "price": (0.1, 20.0),
    "context": (1, 2**20),
    "batch": (1, 1024),
}
WHOLE = ("n_accelerators", "context", "batch")
PRECISIONS = (32, 16, 8, 4)
DAY = 86_400


class ScalingCalculator(Widget, files=("sliders.js", "scaling.js", "scaling.css")):
    """Compute the FLOPs, days and dollars of a training run, and the bytes of weights and cache.

    The arithmetic is that of `fmlab.scaling`. Set and observe ``n_params`` (those that a token
    uses), ``n_tokens``, ``n_accelerators``, ``accelerator`` (a name in ``PEAKS``), ``utilization``
    (0.05 to 1), ``price`` (dollars per hour of one accelerator: an assumption), ``context`` and
    ``batch`` (the tokens of a sequence in the cache, and the sequences). ``preset`` names a
    published model: it sets ``n_params`` and ``n_tokens``, and its layers determine the cache.
    ``results`` are what follows, computed by the kernel: "flops", "days", "dollars", "tokens per
    parameter", "optimal parameters", "weight bytes" by bits, and "cache bytes".

    Errors: ``ValueError`` for an unknown preset or accelerator, and settings out of range.

    >>> calculator = ScalingCalculator("Llama 3 8B")
    >>> calculator.results["flops"], calculator.results["weight bytes"]["4"]
    (7.227e+23, 4015000000)
    """

    preset = Unicode(help="The name of a published model.").tag(sync=True)
    n_params = Float(help="Parameters that a token uses.").tag(sync=True)
    n_tokens = Float(help="Training tokens.").tag(sync=True)
    n_accelerators = Int(1024, help="How many accelerators train.").tag(sync=True)
    accelerator = Unicode("H100", help="Their kind: a name in PEAKS.").tag(sync=True)
    utilization = Float(0.4, help="The fraction of their peak that is reached.").tag(sync=True)
    price = Float(2.0, help="Dollars per hour of one accelerator.").tag(sync=True)
    context = Int(8192, help="Tokens of a sequence in the cache.").tag(sync=True)
    batch = Int(1, help="Sequences in the cache.").tag(sync=True)

    results = Dict(read_only=True, help="What follows from the settings.")
    presets = List(Dict(), read_only=True, help="The published models.").tag(sync=True)
    peaks = Dict(read_only=True, help="FLOP/s of each accelerator.").tag(sync=True)

    def __init__(
        self, preset: str = "Llama 3 8B", *, title: str = "Scaling calculator", **settings: object
    ):
        self.set_trait("presets", [_entry(model) for model in PUBLISHED_MODELS])
        self.set_trait("peaks", dict(PEAKS))
        entry = self._entry(preset)
        chosen = {"n_params": entry["active"], "n_tokens": entry["n_tokens"]} | settings
        checked = {
            name: self._checked(name, value) if name in {*RANGES, "accelerator"} else value
            for name, value in chosen.items()
        }
        super().__init__(preset=preset, title=title, **checked)
        self._compute({})

    @validate(*RANGES, "accelerator", "preset")
    def _check(self, proposal: dict) -> object:
        return self._checked(proposal["trait"].name, proposal["value"])

    def _checked(self, name: str, value: object) -> object:
        if name == "preset":
            return self._entry(value)["name"]
        if name == "accelerator":
            require(value in PEAKS, name, f"one of {', '.join(PEAKS)}", value)
            return value
        least, most = RANGES[name]
        valid = is_number(value) and least <= value <= most
        valid = valid and (name not in WHOLE or value == int(value))
        kind = "an integer" if name in WHOLE else "a number"
        require(valid, name, f"{kind} from {least:g} to {most:g}", value)
        return int(value) if name in WHOLE else float(value)

    def _entry(self, name: object) -> dict:
        names = [entry["name"] for entry in self.presets]
        require(name in names, "preset", f"one of {', '.join(names)}", name)
        return self.presets[names.index(name)]

    @observe("preset")
    def _choose(self, change: dict) -> None:
        if change["old"]:  # at the start, other settings may have been given
            entry = self._entry(change["new"])
            self.n_params, self.n_tokens = entry["active"], entry["n_tokens"]

    @observe(*RANGES, "accelerator", "preset")
    def _compute(self, change: dict) -> None:
        if not (self.n_params and self.n_tokens and self.preset):
            return
        flops, peak = training_flops(self.n_params, self.n_tokens), PEAKS[self.accelerator]
        seconds = training_seconds(flops, self.n_accelerators, peak, self.utilization)
        entry = self._entry(self.preset)
        total = round(self.n_params * entry["n_params"] / entry["active"])
        shape = (entry["n_layers"], entry["n_kv_heads"], entry["head_dim"])
        results = {
            "flops": flops,
            "days": seconds / DAY,
            "dollars": training_cost(flops, peak, self.utilization, self.price),
            "tokens per parameter": self.n_tokens / self.n_params,
            "optimal parameters": chinchilla_optimal(flops)[0],
            "weight bytes": {str(bits): weight_bytes(total, bits) for bits in PRECISIONS},
            "cache bytes": kv_cache_bytes(*shape, self.context, self.batch),
        }
        self.set_trait("results", results)

    def _still(self) -> str:
        r = self.results
        rows = {
            "Training": f"{r['flops']:.3g} FLOPs",
            "Time": f"{r['days']:,.1f} days on {self.n_accelerators:,} {self.accelerator}",
            "Cost": f"${r['dollars']:,.0f} at ${self.price:g} per hour",
            "Weights": f"{r['weight bytes']['16'] / 1e9:,.1f} GB in 16 bits",
            "Cache": f"{r['cache bytes'] / 1e9:,.2f} GB for {self.context:,} tokens",
        }
        body = "".join(
            f"<tr><th>{name}</th><td>{html.escape(text)}</td></tr>" for name, text in rows.items()
        )
        return (
            f"<figure><table><tbody>{body}</tbody></table><figcaption>{html.escape(self.preset)}: "
            "what it takes to train it and to keep it in memory. With JavaScript, sliders "
            "change every assumption.</figcaption></figure>"
        )


def _entry(model: object) -> dict:
    names = ("name", "n_params", "active", "n_tokens", "n_layers", "n_kv_heads", "head_dim")
    return {name: getattr(model, name) for name in names}
