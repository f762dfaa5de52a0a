"""The planning sheet: its fields, and the file that it is saved in."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fmlab.arguments import require

FORMAT = "fmlab-planning-sheet"
VERSION = 1
LONGEST = 2000  # characters of an answer

# name, heading, question
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("use_case", "Use case", "Who has which problem today, and how often?"),
    ("waiting", "Risk of waiting", "What do you lose per year if you do not build it?"),
    ("role", "Role of AI", "Critical or complementary? Reactive or proactive? Dynamic or static?"),
    ("people", "People", "Which level: crawl, walk, or run? What is the break-even accuracy?"),
    ("moat", "Defensibility", "What protects it if your platform ships the same for free?"),
    ("quality", "Quality threshold", "Which metric, which threshold, and how many examples?"),
    ("latency", "Latency threshold", "First token, per token, and total, at which percentile?"),
    ("cost", "Cost threshold", "Dollars per request, and per month?"),
    ("fairness", "Fairness threshold", "Which groups, and what difference at most?"),
    ("start", "Off-the-shelf quality", "What does a model off the shelf reach on your examples?"),
    ("last_mile", "Last mile", "How far is the target, and what are the common problems?"),
    ("evaluation", "Evaluation set", "Where is it, which version, and who updates it?"),
    ("maintenance", "Maintenance", "What do you run when the model or its price changes?"),
    ("decision", "Decision", "Build, buy, finetune, or wait? What would change your mind?"),
)


def write_sheet(answers: Mapping[str, str]) -> str:
    """Return the file of a sheet: JSON with the format, its version, and all answers.

    Errors: ``ValueError`` for an unknown field, or an answer that is no text or too long.
    """
    full = {name: "" for name, *_ in FIELDS} | _checked(answers)
    content = {"format": FORMAT, "version": VERSION, "answers": full}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_sheet(text: str) -> dict[str, str]:
    """Return the answers of a file that `write_sheet` or the page made.

    Errors: ``ValueError``, with a sentence for the reader, for another file or another version.
    """
    try:
        content = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        content = None
    is_sheet = isinstance(content, dict) and content.get("format") == FORMAT
    require(is_sheet, "file", "a planning sheet that this page saved", str(text)[:40])
    version = content.get("version")
    is_ours = version == VERSION and not isinstance(version, bool)
    require(is_ours, "version", f"{VERSION}, the one that this page reads", str(version)[:40])
    answers = content.get("answers")
    require(isinstance(answers, dict), "answers", "in the file", answers)
    return {name: "" for name, *_ in FIELDS} | _checked(answers)


def _checked(answers: Mapping[str, object]) -> dict[str, str]:
    names = [name for name, *_ in FIELDS]
    for name, answer in answers.items():
        require(name in names, "field", f"one of {', '.join(names)}", name)
        is_text = isinstance(answer, str) and len(answer) <= LONGEST
        require(is_text, name, f"a text of at most {LONGEST} characters", answer)
    return dict(answers)
