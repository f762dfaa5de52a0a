"""Two figures are the same when they look the same, on any machine."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from tools.compare import LEVELS, PIXELS, VIEW, Figure, comparable, is_figure, is_trained_live


def plot(title="3.21", shift=0.0, dpi=72, size=6):
    """A curve, its title in small print; every point moved by a random fraction of `shift`."""
    x = np.linspace(0, 6, 200)
    figure, axes = plt.subplots(figsize=(4, 3), dpi=dpi)
    axes.plot(x, np.sin(x) + shift * np.random.default_rng(0).normal(size=x.size))
    axes.set_title(title, size=size, color="0.3")
    png = io.BytesIO()
    figure.savefig(png, format="png")
    plt.close(figure)
    return base64.b64encode(png.getvalue()).decode()


@pytest.fixture(scope="module")
def reference():
    return plot()


def test_rounding_errors_of_the_data_do_not_show(reference):
    assert Figure(reference) == Figure(plot(shift=1e-5))
    assert Figure(reference).difference(Figure(plot(shift=1e-5))) == ""


@pytest.mark.parametrize("title", ["3.22", "3.27", "8.21", "3.24", "-3.21"])
def test_one_digit_in_small_print_shows(reference, title):
    assert Figure(reference) != Figure(plot(title))


def test_data_that_moved_shows_and_the_report_says_where(reference):
    other = Figure(plot(shift=0.02))
    assert Figure(reference) != other
    assert "pixels differ by up to" in Figure(reference).difference(other)


def test_size_shows(reference):
    assert Figure(reference) != Figure(plot(dpi=73))
    assert "differ in size" in Figure(reference).difference(Figure(plot(dpi=73)))


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def test_tolerance_is_what_it_says():
    white = np.full((20, 30, 3), 255, dtype=np.uint8)
    gray, few, many = white - LEVELS, white.copy(), white.copy()
    few.reshape(-1, 3)[:PIXELS] = 0
    many.reshape(-1, 3)[: PIXELS + 1] = 0
    assert Figure(encoded(white)) == Figure(encoded(gray)) == Figure(encoded(few))
    assert Figure(encoded(white)) != Figure(encoded(many))
    assert Figure(encoded(white)) != Figure(encoded(gray - 1))


def test_pictures_are_told_from_text(reference):
    assert is_figure(reference)
    assert is_figure(encoded(np.zeros((2, 2, 3), dtype=np.uint8), "JPEG"))
    assert not is_figure("4")
    assert Figure(reference) != reference


def test_outputs_are_compared_by_kind_with_streams_joined():
    def stream(text, name="stdout"):
        return {"output_type": "stream", "name": name, "text": text}

    def shown(**data):
        return {"output_type": "display_data", "data": data}

    stored = [stream(["a\n", "b\n"]), shown(text="1"), shown(text="2")]
    assert comparable(stored) == comparable(
        [stream("a\n"), shown(text="1"), *stored[2:], stream("b\n")]
    )
    assert comparable(stored) != comparable([stored[0], stored[2], stored[1]])
    assert comparable(stored) != comparable(stored[:2])
    assert comparable([stream("a")]) != comparable([stream("a", "stderr")])


def test_of_a_widget_only_that_it_is_shown_counts():
    def widget(model, address):
        data = {VIEW: {"model_id": model}, "text/plain": f"<Slider object at 0x{address}>"}
        return {"output_type": "display_data", "data": data}

    assert comparable([widget("widget-1", "7f00")]) == comparable([widget("8a1f", "7fff")])
    assert comparable([widget("widget-1", "7f00")]) != comparable([])


def test_of_a_cell_that_shows_what_was_just_trained_the_kinds_and_the_errors_count():
    def printed(text):
        return [{"output_type": "stream", "name": "stdout", "text": text}]

    error = {"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": []}
    assert comparable(printed("0.1")) != comparable(printed("0.0"))
    assert comparable(printed("0.1"), kinds_only=True) == comparable(printed("0.0"), True)
    assert comparable(printed("0.1"), kinds_only=True) != comparable([], True)
    assert comparable(printed("0.1"), True) != comparable([*printed("0.0"), error], True)
    assert is_trained_live("book/foundation-models.ipynb", "space-9")
    assert not is_trained_live("book/foundation-models.ipynb", "space-8")
    assert not is_trained_live("book/sampling.ipynb", "space-9")
