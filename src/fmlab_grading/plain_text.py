"""Text of students, made harmless for a terminal, a page, or a table: nothing that acts is left."""

from __future__ import annotations

import re

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
TURNS = re.compile("[\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # new lines and directions
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def showable(text: object) -> str:
    """Return a text that can be saved and shown: no half characters, nothing that moves a cursor.

    Colors and the like are dropped, other control characters become a replacement character. Lines
    and tabs stay.
    """
    text = ANSI.sub("", str(text)).encode("utf-8", "replace").decode("utf-8")
    return CONTROL.sub("\ufffd", text)


def one_line(text: object) -> str:
    """Return a text that can be shown, in one line: for a cell of a table, or a line of a report.

    What reverses the direction of the rest of the line becomes a replacement character, too.

    >>> one_line("a\\x1b[2Jb\\nc ")
    'ab c'
    """
    return TURNS.sub("\ufffd", showable(re.sub(r"[\t\n\r]+", " ", str(text)))).strip()


def lines(text: object) -> str:
    """Return a text that can be shown on a terminal, with its lines.

    >>> lines("a\\x1b[2Jb\\n  c")
    'ab\\n  c'
    """
    return TURNS.sub("\ufffd", showable(text).replace("\r", "\ufffd"))
