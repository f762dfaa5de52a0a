"""What Python expects of the playground's display."""

from fmlab.models import load
from fmlab.widgets import Playground as Widget
from fmlab.widgets.playground import COUNTS, RANGES


def vectors():
    _, tokenizer = load("micro")
    texts = ["The basket\n was in\t the kitchen.", "Naïve café 雨 🎉", ""]
    return {
        "ranges": {**RANGES, **COUNTS},
        "defaults": Widget().defaults,
        "texts": [
            [text, [list(tokenizer.vocab[i]) for i in tokenizer.encode(text)]] for text in texts
        ],
    }
