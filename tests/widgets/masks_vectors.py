"""What Python expects of the mask explorer's script: masks, tables and the steps on record."""

import numpy as np

from fmlab.constrained import Vocabulary
from fmlab.widgets import MaskExplorer as Widget
from fmlab.widgets.masks import N_ALLOWED, N_ROWS, _step
from fmlab.widgets.page_models import loaded

VISIT = {
    "type": "object",
    "properties": {
        "who": {"type": "string", "maxLength": 3},
        "year": {"type": "integer", "minimum": 380, "maximum": 450},
    },
    "required": ["who"],
}
FORMATS = [
    ("choices", "She is a ", ['baker"}', 'barber"}']),
    ("pattern", "She lives ", "in (Holatho|Holussa)|unknown"),
    ("characters", "", "[A-Z][a-z]+|é{2,}|\\d*x?"),
    ("schema", "A visit: ", VISIT),
]


def vectors():
    explorer = Widget(FORMATS)
    rng = np.random.default_rng(0)
    words = Vocabulary.of(loaded("micro")[1])
    return {
        "tokens": [list(words.tokens.get(i, b"<|endoftext|>")) for i in range(words.size)],
        "special": explorer.special,
        "end": explorer.end,
        "rows": [N_ROWS, N_ALLOWED],
        "formats": [
            {
                "states": entry["states"],
                "masks": masks(explorer._formats[i].constraint, len(entry["states"])),
                "walks": [walk(explorer, i, rng) for _ in range(12)],
            }
            for i, entry in enumerate(explorer.formats)
        ],
        "tables": [table(rng, words.size, n) for n in (0, 1, 3, 7, 2000)],
    }


def masks(constraint, n_states):
    return [np.flatnonzero(constraint.allowed(state)).tolist() for state in range(n_states)]


def walk(explorer, index, rng):
    """Return ids, the last ones anything, and the state after them; -1 if they do not fit."""
    constraint, ids = explorer._formats[index].constraint, []
    for _ in range(rng.integers(0, 6)):
        fitting = np.flatnonzero(constraint.allowed(constraint.state_after(ids)))
        fitting = fitting[fitting != constraint.end]
        if len(fitting):
            ids.append(int(rng.choice(fitting)))
    if rng.random() < 0.4:
        ids.append(int(rng.integers(0, constraint.vocabulary.size - 1)))
    return [ids, constraint.state_after(ids)]


def table(rng, size, n_allowed):
    probs = rng.dirichlet(np.full(size, 0.02))
    mask = np.zeros(size, dtype=bool)
    mask[rng.choice(size, n_allowed, replace=False)] = True
    return {"probs": probs.tolist(), "mask": mask.tolist(), "step": _step(probs, mask)}
