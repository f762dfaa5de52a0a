"""What Python expects of the mixture explorer's JavaScript: the same losses and the same text."""

from fmlab.widgets import MixtureExplorer as Widget
from fmlab.widgets.mixture import MAX_N

__all__ = ["Widget", "vectors"]

ENGLISH = "The mayor of Ansmel is a baker, and the baker of Ansmel has a red boat. " * 4
OTHER = "Töräk Bo ŋeš; košőr löbä — 日本 🙂 svö! Bo ŋeš, köri. " * 6
PAIRS = [(ENGLISH, OTHER), (OTHER, ENGLISH), ("ab" * 60, "é" * 500), (ENGLISH, ENGLISH)]
SETTINGS = [(0, 4, 0), (0.05, 1, 1), (0.33, 6, 77), (0.5, 2, 2**32 - 1), (1, 3, 5)]


def vectors():
    results = [result(*pair, *given) for pair in PAIRS for given in SETTINGS]
    return {"max_n": MAX_N, "results": results}


def result(first, second, share, n, seed):
    explorer = Widget({"pair": {"a": first, "b": second}}, share=share, n=n, seed=seed)
    state = {"first": first, "second": second, "share": share, "n": n, "seed": seed}
    return {"state": state, "losses": explorer.losses, "sample": explorer.sample}
