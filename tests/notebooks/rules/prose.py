"""Rules for the words between the cells."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tests.notebooks.rules.notebook import (
    Finding,
    Notebook,
    Section,
    lines,
    outside_code,
    parse,
    rule,
    tags,
    visible,
)

WORDS_PER_LINE = (8, 18)  # the aim is 10 to 15

# What may stand in prose although it looks like a number that was typed by hand:
CONSTANTS = {"255", "256"}  # a byte has 256 values, the largest is 255: true by definition
YEARS = range(1940, 2036)  # unless a unit follows
NOT_A_YEAR = r"(?=\s+(?:tokens|words|characters|letters|bytes|merges|steps|parameters|dimensions))"
NAMES = (  # the number is part of a name: UTF-8, GPT-3.5, cl100k_base, ISO 8859-1, Python 3.11
    r"(?<![\w.])[A-Za-z_]+[-\u2011+]?\d[\w.\u2011-]*\w|\b[A-Z]\+?[0-9A-F]{4,}\b"
    r"|\b(?:ISO|RFC|PEP|Python|PyTorch|Unicode|CUDA|[Vv]ersion|[Ss]ection|[Cc]hapter|[Pp]art|"
    r"[Ff]igure|[Tt]able|[Ee]quation) v?\d[\d.\u2013-]*\d|\b(?:ISO|RFC|PEP) \d+"
)
IDENTITIES = (  # it says which one, not how many: id 256, ids 97 to 122, byte 195, position 511
    r"\b(?:ids?|bytes?|token|position|index|code points?)(?: number)? `?\d+`?"
    r"(?:(?:,| to| and| or|\u2013|-)+ ?`?\d+`?)*"
)
# Besides: a number that stands in the code of the same section, also inside a string. It is a
# setting or an example that the sentence repeats, and when the code changes this rule asks for the
# sentence. Digits that begin with a zero, which are text. Whatever a sentence quotes with a
# citation. And, in a quiz, the numbers of the question and its options.

ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
ARITHMETIC |= {ast.Pow: lambda base, power: base**power if power < 20 else None}
CITED = re.compile(r"\{cite[:\w]*\}`[^`]*`")
ROLE = re.compile(r"\{[\w:.-]+\}`[^`]*`")
MATH = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.S)
CODE_SPAN = re.compile(r"(`+)(.+?)\1", re.S)
LINK = re.compile(r"!?\[[^\]]*\]\([^)]*\)|<?https?://\S+")
TAG = re.compile(r"<!--.*?-->|</?\w[^>]*>", re.S)
TABLE_HEAD = re.compile(r"^\s*\|.*\|\s*\n\s*\|[\s:|-]+\|\s*$", re.M)
DIRECTIVE = re.compile(r"^\s*(?:`{3,}|:{3,}).*$|^\s*:[\w-]+:.*$|^\([\w-]+\)=\s*$", re.M)
BLOCK_MATH = re.compile(r"^\s*```\{math\}.*?^\s*```", re.S | re.M)
SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"”')*_]*\s+(?=[\"“(*_]*[A-Z0-9])|\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.) )"
)
OPTION = re.compile(r"<summary>(.*?)</summary>(.*?)</details>", re.S)

NUMBER = re.compile(
    r"(?<![\w.])\d+(?:[,\u00a0\u2009\u202f]\d{3}|(?<=\b\d) \d{3}(?!\d)|(?<=\b\d\d) \d{3}(?!\d))*"
    r"(?:\.\d+)?(?:e[+-]?\d+)?"
    r"(?P<unit>\s?(?:%|\u00d7|(?:percent|per cent|thousand|million|billion|trillion)\b)"
    r"|[kMBGTx]\b)?"
)


@rule("chapter")
def prose_and_code_are_in_balance(notebook: Notebook) -> Iterator[Finding]:
    """10 to 15 words for a line of code over a chapter; see `words_per_line`."""
    ratio, (low, high) = words_per_line(notebook), WORDS_PER_LINE
    if not low <= ratio <= high:
        yield None, f"{ratio:.1f} words of prose for a line of code; between {low} and {high}"


def words_per_line(notebook: Notebook) -> float:
    """Words the reader reads between cells, for each line of code the reader sees.

    Sentences that a hidden cell builds count as words, its code does not count. Quizzes, code
    spans, formulas and links' addresses are not prose.
    """
    shown = [cell for cell in notebook.markdown if "quiz" not in tags(cell)]
    text = [plain(cell.source, keep_roles=True) for cell in shown]
    hidden = [cell for cell in notebook.code if not visible(cell)]
    text += [
        output.data["text/markdown"]
        for cell in hidden
        for output in cell.outputs
        if "text/markdown" in output.get("data", {})
    ]
    words = sum(len(re.findall(r"[^\W\d_][\w'\u2019-]*", part)) for part in text)
    return words / max(1, sum(len(lines(cell)) for cell in notebook.code if visible(cell)))


def plain(markdown: str, *, keep_roles: bool = False) -> str:
    """Markdown without code, formulas, addresses, HTML tags, table heads and directive lines."""
    text = BLOCK_MATH.sub("", markdown)
    text = "\n".join(outside_code(text))
    text = TABLE_HEAD.sub("", DIRECTIVE.sub("", text))
    if keep_roles:  # the words of a role are read; those of a link, too
        text = re.sub(r"\{[\w:.-]+\}`([^`<]*)[^`]*`", r"\1", text)
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = ROLE.sub(" ", LINK.sub(" ", text))
    return TAG.sub(" ", without_code_and_math(text))


def without_code_and_math(text: str) -> str:
    """Drop code spans and formulas, except those that hide a bare number."""

    def bare(inner: str) -> str:
        return inner if re.fullmatch(r"[\d.,%\s]+", inner) else " "

    text = CODE_SPAN.sub(lambda match: bare(match[2].strip()), text)
    return MATH.sub(lambda match: bare(match[0].strip("$").replace("\\%", "%").strip()), text)


@rule()
def numbers_come_from_code(notebook: Notebook) -> Iterator[Finding]:
    """No measured number is typed by hand: the allowances are at the top of this file."""
    for section in notebook.sections:
        settings = literals(section)
        for cell in section.cells:
            if cell.cell_type == "markdown":
                for number, sentence in typed_numbers(cell, settings):
                    quoted = " ".join(sentence.split())[:70]
                    yield (
                        cell,
                        f"{number!r} is typed by hand in {quoted!r}: build the sentence in a cell "
                        "with Markdown(f'...'), or cite where the number is from",
                    )


def typed_numbers(cell: NotebookNode, settings: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each number that looks measured, with its sentence."""
    source = cell.source
    if "quiz" in tags(cell):  # only the explanations state what is so
        question = re.sub(r"</summary>.*?</details>", " ", source, flags=re.S)
        settings = settings | {value(match) for match in NUMBER.finditer(question)}
        source = "\n\n".join(explanation for _, explanation in OPTION.findall(source))
    source = CITED.sub("\0", source)
    for sentence in SENTENCE_END.split(plain(source)):
        if sentence and "\0" not in sentence:
            text = re.sub(IDENTITIES, " ", re.sub(NAMES, " ", sentence))
            for match in NUMBER.finditer(text):
                if looks_measured(match) and value(match) not in settings | CONSTANTS:
                    yield match[0].strip(), sentence


def looks_measured(match: re.Match[str]) -> bool:
    digits = match[0]
    if match["unit"] or "." in digits or "e" in digits:
        return True
    if re.fullmatch(r"\d{4}", digits) and int(digits) in YEARS:
        return bool(re.match(NOT_A_YEAR, match.string[match.end() :]))
    return digits[0] != "0" and sum(character.isdigit() for character in digits) >= 3


def value(match: re.Match[str]) -> str:
    """A number without its separators; one with a unit is no setting."""
    return re.sub(r"[,\s]", "", match[0])


def literals(section: Section) -> set[str]:
    """The numbers that stand in the code of a section, as they would be written in a sentence."""
    numbers = set()
    for cell in section.cells:
        if cell.cell_type == "code":
            for node in ast.walk(parse(cell)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    numbers |= {value(match) for match in NUMBER.finditer(node.value)}
                elif (number := constant(node)) is not None:
                    numbers |= {str(number), f"{number:g}"}
    return numbers


def constant(node: ast.AST) -> int | float | None:
    """The value of a number, or of simple arithmetic with two numbers, such as ``256 + 100``."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        sides = [constant(node.left), constant(node.right)]
        if None not in sides and max(sides) < 10**6:
            return ARITHMETIC[type(node.op)](*sides)
    return None
