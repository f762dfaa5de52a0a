"""What Python expects of the response explorer's script: its names only."""

from fmlab.widgets import ResponseExplorer as Widget
from fmlab.widgets.responses import LENGTH, N_TOKENS, STOP

__all__ = ["Widget", "vectors"]


def vectors():
    return {"stop": STOP, "length": LENGTH, "n": N_TOKENS}
