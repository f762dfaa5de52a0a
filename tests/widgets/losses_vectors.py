"""What Python expects of the loss explorer's JavaScript: recorded results, and the worker's."""

import gzip

from fmlab.models.pretrained import folder_of
from fmlab.widgets import LossExplorer as Widget
from fmlab.widgets.losses import COUNTED, N_LIKELY, token_losses
from fmlab.widgets.page_models import loaded, worker_script
from fmlab.widgets.vocabularies import BIGRAMS, page_data

__all__ = ["Widget", "vectors"]

TEXTS = [
    "The baker was kind, and the bread was fresh.",
    "Jipim: kišä tőziőleš?\n\nPraba: 365. 🙂",
    " ",
    "zzzzqx 9 the the the",
]
MODELS = [COUNTED, "nano", "micro"]


def vectors():
    explorer = Widget({"a": TEXTS[0], "b": TEXTS[1]})
    return {
        "worker": worker_script(),
        "folders": {name: str(folder_of(name)) for name in MODELS if name != COUNTED},
        "bigrams": list(gzip.decompress(page_data(BIGRAMS))),
        "n": N_LIKELY,
        "cases": [case(name, text) for name in MODELS for text in TEXTS],
        "recorded": explorer.recorded[1],
        "vocabulary": explorer.vocabulary,
    }


def case(name, text):
    result, vocab = token_losses(name, text), loaded("nano")[1].vocab
    return {
        "model": name,
        "text": text,
        "bytes": [list(vocab[i]) for i in result.ids],
        "losses": result.losses.tolist(),
        "ranks": result.ranks.tolist(),
        "likely": [[[i, p] for i, p in best] for best in result.likely],
        "mean": float(result.losses.mean()),
    }
