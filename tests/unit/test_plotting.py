"""Properties of fmlab.plotting."""

import matplotlib as mpl
import matplotlib.style
from matplotlib.figure import Figure

from fmlab import plotting


def new_canvas():
    return plotting.canvas(Figure().add_subplot(), 10, 4)


def test_canvas_is_empty_and_has_its_size():
    ax = new_canvas()
    assert (ax.get_xlim(), ax.get_ylim(), ax.axison) == ((0, 10), (0, 4), False)


def test_box_is_centered_and_contains_its_text():
    ax = new_canvas()
    assert plotting.box(ax, 3, 2, "value", width=2, height=1) == (3, 2)
    patch, text = ax.patches[0], ax.texts[0]
    corners = patch.get_path().vertices
    assert abs(corners.min(axis=0) - [2, 1.5]).max() < 1e-6
    assert abs(corners.max(axis=0) - [4, 2.5]).max() < 1e-6
    assert (text.get_text(), text.get_position()) == ("value", (3, 2))
    assert text.get_color() != patch.get_facecolor()


def test_arrow_goes_from_start_to_end():
    ax = new_canvas()
    plotting.arrow(ax, (1, 1), (2, 3), width=2.5)
    (annotation,) = ax.texts
    assert (annotation.xyann, annotation.xy) == ((1, 1), (2, 3))
    assert annotation.arrow_patch.get_linewidth() == 2.5


def test_colors_are_those_of_the_book():
    with mpl.rc_context():
        matplotlib.style.use("fmlab.book")
        cycle = [f"#{c.lstrip('#')}" for c in mpl.rcParams["axes.prop_cycle"].by_key()["color"]]
    assert {plotting.BLUE, plotting.ORANGE, plotting.GREEN} <= set(cycle)
