"""Keep of a stylesheet what a site uses, and draw its icons without a font."""

from __future__ import annotations

import re
from urllib.parse import quote

import tinycss2

NAME = re.compile(r"[A-Za-z_][\w-]*")
CLASSES = re.compile(r'\b(?:class|id)="([^"]*)"')
LITERAL = re.compile(r"""(["'`])((?:(?!\1).)*)\1""")
IN_SELECTOR = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")
ARGUMENTS = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]|\\.")
GROUPS = {"media", "supports", "layer", "container"}
ICON_FONT = re.compile(r"Font ?Awesome", re.I)
# What draws an icon with the font; `icon_rules` draws it instead.
ICON_CLASSES = {"fa", "fas", "far", "fab", "fa-solid", "fa-regular", "fa-brands", "fa-classic"}
ICON = re.compile(
    r'(?:"([\w-]+)"|\b([a-z]\w*)):\[(\d+),(\d+),(\[[^\]]*\]),"([0-9a-f]+)","(M[^"]*)"\]'
)
# A sign of the font as text, and what a stylesheet does with it.
SIGN = r'"(?:\\(f[0-9a-f]{3})\s?|([\ue000-\uf8ff]))"'
SIGN_VARIABLE = re.compile(r"(--[\w-]+:\s*)" + SIGN)
SIGN_CONTENT = re.compile(r"\bcontent:\s*(?:" + SIGN + r"|(var\(--pst-icon-[\w-]+\)))")


def used_names(pages: str, scripts: str) -> set[str]:
    """Return the classes and ids in pages, and every word in the strings of scripts."""
    names = {name for value in CLASSES.findall(pages) for name in value.split()}
    for _, text in LITERAL.findall(scripts):
        names.update(NAME.findall(text))
    return names


def slim(css: str, used: set[str]) -> str:
    """Return a stylesheet without the rules that match nothing on the site."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    kept = "\n".join(filter(None, (slim_rule(rule, used) for rule in rules)))
    return drop_animations(kept)


def slim_rule(rule, used: set[str]) -> str:
    if rule.type == "qualified-rule":
        selectors = [
            s for s in split_selectors(tinycss2.serialize(rule.prelude)) if matches(s, used)
        ]
        body = tinycss2.serialize(rule.content).strip()
        return f"{','.join(selectors)}{{{body}}}" if selectors and body else ""
    if rule.type != "at-rule" or rule.lower_at_keyword in ("import", "charset"):
        return ""
    if rule.lower_at_keyword in GROUPS and rule.content is not None:
        inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
        body = "\n".join(filter(None, (slim_rule(part, used) for part in inner)))
        prelude = tinycss2.serialize(rule.prelude).strip()
        return f"@{rule.at_keyword} {prelude}{{{body}}}" if body else ""
    text = rule.serialize()
    return "" if rule.lower_at_keyword == "font-face" and ICON_FONT.search(text) else text


def split_selectors(prelude: str) -> list[str]:
    """Split a list of selectors at its commas, but not inside brackets."""
    parts, depth = [""], 0
    for character in prelude:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def matches(selector: str, used: set[str]) -> bool:
    """Whether an element of the site may match: each class and id of the selector occurs."""
    names = set(IN_SELECTOR.findall(ARGUMENTS.sub("", selector)))
    draws_icon = re.fullmatch(r"\.(fa[\w-]*)(?:::?before)?", selector)
    if draws_icon and (draws_icon[1] in ICON_CLASSES or selector.endswith("before")):
        return False
    return names <= used


def drop_animations(css: str) -> str:
    """Leave out the animations that no rule names."""

    def needed(match: re.Match) -> str:
        name = match[1]
        return match[0] if re.search(rf"animation[\w-]*:[^;}}]*\b{name}\b", css) else ""

    return re.sub(
        r"@(?:-webkit-)?keyframes\s+([\w-]+)\s*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", needed, css
    )


def icon_paths(script: str) -> dict[str, tuple[int, int, str]]:
    """Return width, height and path of each icon in Font Awesome's script.

    An icon is there by all its names, and by its code in the font. The script has the brands, the
    outlined, and last the solid icons: of one name, the solid one.
    """
    icons = {}
    for name, bare, width, height, aliases, code, path in ICON.findall(script):
        for known in (name or bare, code, *re.findall(r'"([\w-]+)"', aliases)):
            icons[known] = int(width), int(height), path
    return icons


def picture(icon: tuple[int, int, str]) -> str:
    width, height, path = icon
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'>"
    address = quote(f"{svg}<path d='{path}'/></svg>", safe=" ='/:")
    return f'url("data:image/svg+xml,{address}")'


def draw_signs(css: str, icons: dict[str, tuple[int, int, str]]) -> str:
    """Return a stylesheet that draws as masks what it wrote with signs of the font."""

    def of(code: str | None, sign: str | None) -> str:
        return picture(icons[code or f"{ord(sign):x}"])

    def content(match: re.Match) -> str:
        image = match[3] or of(match[1], match[2])
        mask = f"{image} center/contain no-repeat"
        return (
            f'content:"";background:currentColor;-webkit-mask:{mask};mask:{mask};'
            "display:inline-block;min-height:1em;min-width:1em"
        )

    css = SIGN_VARIABLE.sub(lambda match: match[1] + of(match[2], match[3]), css)
    return SIGN_CONTENT.sub(content, css)


def icon_rules(icons: dict[str, tuple[int, int, str]], used: set[str]) -> str:
    """Return rules that draw the icons of the site as masks, in the color of the text."""
    drawn = sorted(name for name in used if name.removeprefix("fa-") in icons and name[:3] == "fa-")
    shared = ",".join(f".{name}" for name in sorted(ICON_CLASSES & used))
    before = ",".join(f".{name}::before" for name in drawn)
    rules = [
        f"{shared}{{display:inline-block;line-height:1;text-rendering:auto}}",
        f'{before}{{content:"";display:inline-block;height:1em;width:var(--fa-width,1em);'
        "background:currentColor;-webkit-mask:var(--fa-icon) center/contain no-repeat;"
        "mask:var(--fa-icon) center/contain no-repeat;vertical-align:-.125em}",
        f"@media (forced-colors:active){{{before}{{background:CanvasText}}}}",
    ]
    for name in drawn:
        width, height, _ = icon = icons[name.removeprefix("fa-")]
        width = f"{width / height:.4g}em"
        rules.append(f".{name}{{--fa-width:{width};--fa-icon:{picture(icon)}}}")
    return "\n".join(rules)
