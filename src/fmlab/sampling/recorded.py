"""Rows of recorded logits in a compact file: rounded to a step, two bytes per logit, gzip."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fmlab.arguments import Floats, as_floats, require

STEPS = 32  # per unit: rounding moves a logit by 1/64, and so a probability by at most 3.2%
LARGEST = (2**15 - 1) / STEPS


def pack_logits(prompts: Sequence[str], logits: ArrayLike) -> bytes:
    """Return the prompts and their logits (n_prompts, V), rounded to 1/32, as a file.

    A line of JSON, then for each row the lower and then the upper bytes of its numbers.
    Errors: ``ValueError`` for logits that are not one row per prompt, or beyond 1023.
    """
    rows = as_floats("logits", logits)
    fits = rows.ndim == 2 and len(rows) == len(prompts)
    require(fits, "logits", f"of shape ({len(prompts)}, V), one row per prompt", rows.shape)
    within = np.isfinite(rows).all() and (np.abs(rows) <= LARGEST).all()
    require(within, "logits", f"finite, and from -{int(LARGEST)} to {int(LARGEST)}", "others")
    head = {"prompts": list(prompts), "size": rows.shape[1], "steps": STEPS}
    numbers = np.round(rows * STEPS).astype("<i2")
    planes = numbers.view("u1").reshape(*rows.shape, 2).transpose(0, 2, 1)
    return gzip.compress(json.dumps(head).encode() + b"\n" + planes.tobytes(), mtime=0)


def unpack_logits(data: bytes) -> tuple[list[str], Floats]:
    """Return the prompts and the rounded logits (n_prompts, V) of a file.

    Errors: ``ValueError`` for a damaged file.

    >>> unpack_logits(pack_logits(["It"], [[0.5, -3.01]]))
    (['It'], array([[ 0.5, -3. ]]))
    """
    try:
        head, _, planes = gzip.decompress(data).partition(b"\n")
        head = json.loads(head)
        shape = len(head["prompts"]), 2, head["size"]
        pairs = np.frombuffer(planes, "u1").reshape(shape).transpose(0, 2, 1)
        numbers = np.ascontiguousarray(pairs).view("<i2")[..., 0]
        return head["prompts"], numbers / head["steps"]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the file of logits is damaged: {error}") from error
