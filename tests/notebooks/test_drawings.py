"""Figures as SVG: compared by how they look, and legible on a light and on a dark page."""

import base64
import io
import re

import figures  # book/_ext
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from fmlab import plotting
from tools.drawings import Drawing, is_drawing, tidy

LEAST = 3  # contrast of lines and marks with the page (WCAG 2.2, 1.4.11)
LEAST_TEXT = 4.5  # of text (1.4.3)
PAPER = "#ffffff"


def plot(title="3.21", shift=0.0, label="a"):
    with plt.style.context("fmlab.book"):
        x = np.linspace(0, 6, 50)
        figure, axes = plt.subplots(figsize=(4, 3))
        axes.plot(x, np.sin(x) + shift * np.cos(x), label=label)
        axes.set_title(title)
        axes.legend(loc="lower left")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return file.getvalue()


@pytest.fixture(scope="module")
def reference():
    return plot()


def test_a_drawing_is_the_same_each_time(reference):
    assert plot() == reference
    assert tidy(tidy(reference)) == tidy(reference)
    assert len(tidy(reference)) < 0.85 * len(reference)


def test_rounding_errors_do_not_show(reference):
    assert Drawing(reference) == Drawing(tidy(reference)) == Drawing(plot(shift=1e-5))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"title": "3.27"}, "is now"),
        ({"label": "b"}, "is now"),
        ({"shift": 0.02}, "moved by"),
    ],
)
def test_what_a_reader_would_see_shows(reference, change, says):
    assert Drawing(reference) != Drawing(plot(**change))
    assert says in Drawing(reference).difference(Drawing(plot(**change)))


def test_drawings_are_told_from_text(reference):
    assert is_drawing(reference)
    assert is_drawing(tidy(reference))
    assert not is_drawing("4 < 5")
    assert Drawing(reference) != tidy(reference)


# The colors


def luminance(color):
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, two):
    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


def style_colors():
    with plt.style.context("fmlab.book"):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        text = [plt.rcParams[name] for name in ("axes.labelcolor", "xtick.color", "text.color")]
    return [to_hex(as_color(color)) for color in cycle], [to_hex(as_color(c)) for c in text]


def as_color(color):
    """A style file leaves out the sign of a number, which would begin a comment there."""
    return f"#{color}" if re.fullmatch("[0-9a-f]{6}", color) else color


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_and_text_stand_out_from_the_page(theme):
    lines, text = style_colors()
    lines += [plotting.BLUE, plotting.ORANGE, plotting.GREEN, plotting.QUIET]
    for color, least in [(c, LEAST) for c in lines] + [(c, LEAST_TEXT) for c in text]:
        shown = color if theme == "light" else figures.dark_color(color)
        paper = PAPER if theme == "light" else figures.dark_color(PAPER)
        assert contrast(shown, paper) >= least, color


def test_every_color_of_the_style_has_its_dark_partner():
    lines, text = style_colors()
    assert {*lines, *text} <= figures.COLORS.keys()


def test_gray_text_stays_legible_in_the_dark():
    for level in range(0, 0x78, 8):
        gray = "#" + 3 * f"{level:02x}"
        assert contrast(figures.dark_color(gray), figures.dark_color(PAPER)) >= LEAST_TEXT


def test_the_paper_is_that_of_the_page(request):
    css = (request.config.rootpath / "book" / "_static" / "book.css").read_text(encoding="utf-8")
    dark = css.partition('html[data-theme="dark"] {')[2]
    page = re.search(r"--pst-color-background: (#\w+)", dark)[1]
    assert figures.dark_color(PAPER) == page


def test_the_dark_version_has_the_same_lines_in_other_colors(reference):
    dark = figures.dark(tidy(reference))
    assert "#ffffff" not in dark
    assert figures.dark_color("#0072b2") in dark
    assert re.sub(r"#[0-9a-f]{6}\b", "", dark).replace('fill="" ', "") == re.sub(
        r"#[0-9a-f]{6}\b", "", tidy(reference)
    )


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_heat_map_turns_dark_and_a_photograph_does_not():
    shades = png([[[255, 255, 255], [8, 48, 107]]])
    dark = np.asarray(Image.open(io.BytesIO(figures.dark_raster(shades))).convert("RGB"))
    assert dark[0, 0].max() < 60
    assert dark[0, 1].max() > 120
    photograph = png([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    assert figures.dark_raster(photograph) == photograph
    svg = f'<svg><image xlink:href="data:image/png;base64,{base64.b64encode(shades).decode()}"/>'
    assert base64.b64encode(figures.dark_raster(shades)).decode() in figures.dark(svg)
