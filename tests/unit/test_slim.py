"""The finished pages keep what they use: rules of the theme, and icons without their font."""

import sys
from pathlib import Path

import pytest
from sphinx.errors import ExtensionError

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book" / "_ext"))
import frame
import slim
import slim_css

SCRIPT = 'x={bars:[448,512,["navicon"],"f0c9","M0 1z"],"circle-up":[512,512,[],"f0aa","M2 3z"]}'
ICONS = slim_css.icon_paths(SCRIPT)


def slimmed(css: str, *used: str) -> str:
    return slim_css.slim(css, set(used)).replace(" ", "")


def test_rules_that_match_nothing_go_and_all_others_stay():
    css = "p{a:b} .x{a:b} .x .y,.x>p{c:d} #i{e:f}"
    assert slimmed(css, "x", "i") == "p{a:b}\n.x{a:b}\n.x>p{c:d}\n#i{e:f}"
    assert slimmed(css) == "p{a:b}"


def test_what_a_selector_excludes_need_not_exist():
    assert slimmed("a:not(.x):hover{a:b}") == "a:not(.x):hover{a:b}"
    assert slimmed('[href$=".png"]{a:b}') == '[href$=".png"]{a:b}'
    assert slimmed(":is(.x,.y) p{a:b}") == ":is(.x,.y)p{a:b}"


def test_rules_in_conditions_are_treated_alike_and_empty_conditions_go():
    css = "@media print{.x{a:b} p{a:b}} @media screen{.x{a:b}}"
    assert slimmed(css) == "@mediaprint{p{a:b}}"


def test_only_named_animations_stay():
    css = "@keyframes a{from{b:c}to{b:d}} @keyframes e{to{b:d}} p{animation:a 1s}"
    kept = slimmed(css)
    assert "@keyframesa" in kept
    assert "@keyframese" not in kept


def test_words_in_scripts_count_as_used():
    assert slim_css.used_names('<p class="a b" id="c">', "x.classList.add('d', \"e f\")") == set(
        "abcdef"
    )


def test_icons_are_pictures_by_all_their_names():
    assert ICONS["navicon"] == ICONS["bars"] == ICONS["f0c9"] == (448, 512, "M0 1z")
    rules = slim_css.icon_rules(ICONS, {"fa-solid", "fa-bars", "fa-none", "other"})
    assert ".fa-bars{--fa-width:0.875em;--fa-icon:url(" in rules
    assert "fa-none" not in rules
    assert "circle-up" not in rules


@pytest.mark.parametrize("sign", ["\\f0c9", "\uf0c9"])
def test_signs_of_the_font_are_drawn(sign):
    css = (
        f'a:after{{content:"{sign}"}} :root{{--pst-icon-x:"{sign}"}} b{{content:var(--pst-icon-x)}}'
    )
    drawn = slim_css.draw_signs(css, ICONS)
    assert sign not in drawn
    assert drawn.count(slim_css.picture(ICONS["bars"])) == 3  # twice for the mask, once as variable
    assert "mask:var(--pst-icon-x) center/contain" in drawn


PAGE = """<script data-cfasync="false">choose();</script>
<link rel="stylesheet" href="../_static/styles/theme.css?digest=1" />
<link rel="stylesheet" href="../_static/book.css" />
<script src="../_static/doctools.js"></script>
<script>{setting}</script>
<p class="x"><button onclick="{handler}">B</button></p>
"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "_static/styles").mkdir(parents=True)
    for name in ("basic.css", "styles/theme.css"):
        (tmp_path / "_static" / name).write_text(".x{a:b} .y{a:b}")
    return tmp_path


def rewritten(site, setting="let toggleHintShow = 'Show';", handler="window.print()"):
    page = site / "page.html"
    page.write_text(PAGE.format(setting=setting, handler=handler))
    slim.slim_site(site)
    return page.read_text()


def test_a_page_loads_the_shared_files_and_waits_for_one_script(site):
    page = rewritten(site)
    assert page.count("<link") == 2
    assert "_static/site.css?v=" in page
    assert page.count("<script src=") == 1
    assert page.index("early.js") < page.index("site.css") < page.index("settings.js")
    assert page.index("settings.js") < page.index("doctools.js")
    assert 'data-do="window.print"' in page
    assert (site / "_static/early.js").read_text() == "choose();\n"
    assert "toggleHintShow" in (site / "_static/settings.js").read_text()
    assert ".y" not in (site / "_static/site.css").read_text()


def test_a_later_build_keeps_what_an_unchanged_page_uses(site):
    (site / "old.html").write_text('<p class="y">a page that is not built again</p>')
    rewritten(site)
    assert ".y" in (site / "_static/site.css").read_text()


def test_an_unknown_script_in_a_page_stops_the_build(site):
    with pytest.raises(ExtensionError, match="in the text of a page: steal"):
        rewritten(site, setting="steal()")
    with pytest.raises(ExtensionError, match="in a tag of a page"):
        rewritten(site, handler="a = 1")


def test_the_part_of_the_page_is_open_and_an_empty_corner_is_no_header():
    caption = (
        '<p aria-level="2" class="caption" role="heading"><span class="caption-text">{}</span></p>'
    )
    parts = f"{caption.format('One')}\n<ul>a</ul>\n{caption.format('Two')}\n"
    parts += '<ul><li class="current active">b</li></ul>\n'
    nav = f'<nav class="bd-links bd-docs-nav">\n<div>{parts}\n  </div>\n</nav>'
    page = frame.framed(nav + '<th class="head"><p></p></th>')
    assert page.count("<details") == 2
    assert page.index(">One<") < page.index(" open>") < page.index(">Two<")
    assert page.endswith("<td></td>")
