"""The rules that notebooks of the book follow; importing this package fills the list of them."""

from tests.notebooks.rules import code, exercises, form, imports, outputs, prose, terms
from tests.notebooks.rules.notebook import RULES, Notebook

__all__ = ["RULES", "Notebook", "code", "exercises", "form", "imports", "outputs", "prose", "terms"]
