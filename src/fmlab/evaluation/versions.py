"""The version of an evaluation set: a fingerprint of its prompts and answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from fmlab.arguments import require, require_texts


def set_version(prompts: Sequence[str], answers: Sequence[str]) -> str:
    """Return the first 12 digits of the SHA-256 of an evaluation set.

    Two runs are comparable only on the same version. Any change changes it: another prompt, another
    answer, another order. Errors: ``ValueError`` for sequences of unequal lengths, or no texts.

    >>> set_version(["1 + 1 ="], ["2"]) == set_version(["1 + 1 ="], ["3"])
    False
    """
    require_texts("prompts", prompts)
    require_texts("answers", answers)
    require(len(prompts) == len(answers), "answers", f"{len(prompts)} texts", len(answers))
    content = json.dumps([list(prompts), list(answers)])
    return hashlib.sha256(content.encode()).hexdigest()[:12]
