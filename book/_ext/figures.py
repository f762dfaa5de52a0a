"""Figures: numbered by chapter, with a caption to link to, and in two versions, light and dark.

Caption and alt text of a figure stand in the metadata of its cell: ``mystnb.figure.caption`` and
``mystnb.image.alt``. Its place on the page, which ``{numref}`` cites, is ``fig-CHAPTER-CELL``.
A figure that is stored as SVG gets a dark version, in which each color is exchanged
(`dark_color`). The page carries both, and the theme shows one.
"""

from __future__ import annotations

import base64
import colorsys
import io
import json
import re
from pathlib import Path

import numpy as np
from docutils import nodes
from PIL import Image

DARK = Path("_images", "dark")  # in the folder of the site
# What book.mplstyle and fmlab.plotting draw with, and what stands for it on the dark page.
COLORS = {
    "#ffffff": "#161b20",  # paper: as --pst-color-background in book.css
    "#000000": "#dce2e8",  # ink
    "#333333": "#cdd5dd",
    "#555555": "#b4bfca",  # ticks
    "#777777": "#a3b0bc",
    "#888888": "#76838f",  # frame
    "#e4e4e4": "#323b44",  # grid
    "#0072b2": "#56aee8",
    "#d55e00": "#f08a45",
    "#009e73": "#2fc298",
    "#c4649b": "#e39cc6",
    "#3a97cf": "#93d3f8",
    "#b98000": "#edbd4d",
}
PAPER, INK = 0.11, 0.89  # lightness of what is white and black on the light page
COLOR = re.compile(r"#[0-9a-f]{6}\b")
RASTER = re.compile(r'(xlink:href="data:image/png;base64,)([^"]+)')
SIZE = re.compile(r'<svg[^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
PX_PER_POINT = 96 / 72


def dark_color(color: str) -> str:
    """Return what stands for a color on the dark page: of the same hue, light instead of dark.

    >>> dark_color("#ffffff"), dark_color("#000000"), dark_color("#808080")
    ('#161b20', '#dce2e8', '#7f7f7f')
    """
    if color in COLORS:
        return COLORS[color]
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = INK + (PAPER - INK) * light
    mixed = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in mixed)


def dark_raster(png: bytes) -> bytes:
    """Exchange the colors of a picture of numbers; a picture in many colors stays as it is."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))
    colors, place = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if not is_one_hue(colors[:, :3] / 255):
        return png
    names = ["#" + bytes(color[:3]).hex() for color in colors]
    dark = [[*bytes.fromhex(dark_color(name)[1:]), color[3]] for name, color in zip(names, colors)]
    result = np.array(dark, np.uint8)[place.reshape(-1)].reshape(pixels.shape)
    file = io.BytesIO()
    Image.fromarray(result).save(file, "PNG", optimize=True)
    return file.getvalue()


def is_one_hue(colors: np.ndarray) -> bool:
    """Say whether colors are shades: grays, or of hues that are at most a quarter apart."""
    hues = [colorsys.rgb_to_hls(*color) for color in colors]
    hues = [hue for hue, light, saturation in hues if saturation > 0.15 and 0.05 < light < 0.95]
    return not hues or max(hues) - min(hues) < 0.25


def dark(svg: str) -> str:
    """Return the dark version of a drawing."""

    def raster(match: re.Match[str]) -> str:
        png = dark_raster(base64.b64decode(match[2]))
        return match[1] + base64.b64encode(png).decode()

    svg = COLOR.sub(lambda match: dark_color(match[0]), svg)
    # Text without a color of its own is black.
    svg = svg.replace("<svg ", f'<svg fill="{COLORS["#000000"]}" ', 1)
    return RASTER.sub(raster, svg)


def size(svg: str) -> tuple[int, int]:
    """Width and height in CSS pixels."""
    width, height = (float(part) * PX_PER_POINT for part in SIZE.search(svg).groups())
    return round(width), round(height)


# On the page


def captioned_cells(path: Path) -> list[str]:
    """The ids of the cells of a notebook that have a caption, in order."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        cell["id"]
        for cell in cells
        if cell.get("outputs") and "figure" in cell["metadata"].get("mystnb", {})
    ]


def name_figures(app, doctree):
    """Give each figure of a chapter its name; of other outputs of its cell, take the caption."""
    env, path = app.env, Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    figures = []
    for figure in list(doctree.findall(nodes.figure)):
        if any(figure.findall(nodes.image)):
            figures.append(figure)
        else:
            figure.replace_self([child for child in figure if not isinstance(child, nodes.caption)])
    labels = env.get_domain("std")
    for figure, cell in zip(figures, captioned_cells(path), strict=True):
        name = f"fig-{path.stem}-{cell}"
        figure["ids"] = [name]
        doctree.ids[name] = figure  # where numref looks
        caption = next(iter(figure.findall(nodes.caption))).astext()
        labels.labels[name] = env.docname, name, caption
        labels.anonlabels[name] = env.docname, name


IMAGE = re.compile(r'<img\b[^>]*src="([^"]+\.svg)"[^>]*>')


def in_both_themes(app, pagename, templatename, context, doctree):
    """Put the dark version beside each drawing of the page."""
    drawings = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items()}

    def both(match: re.Match[str]) -> str:
        tag, name = match[0], Path(match[1]).name
        source = drawings.get(name)
        if source is None or "jupyter_execute" not in source.parts:
            return tag
        svg = source.read_text(encoding="utf-8")
        target = Path(app.outdir, DARK, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dark(svg), encoding="utf-8")
        width, height = size(svg)
        start = f'<img width="{width}" height="{height}" loading="lazy" class="dark-light fm-in-'
        rest = re.sub(r' class="[^"]*"', "", tag.removeprefix("<img"))
        in_dark = rest.replace(f"/{name}", f"/{DARK.name}/{name}")
        return f'{start}light"{rest}{start}dark"{in_dark}'

    if "body" in context:
        context["body"] = IMAGE.sub(both, context["body"])


def setup(app):
    app.connect("doctree-read", name_figures)
    app.connect("html-page-context", in_both_themes, priority=800)  # before sizes are written
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
