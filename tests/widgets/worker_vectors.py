"""What Python expects of the worker in which the playground's models run."""

import torch

from fmlab.generation import generate
from fmlab.models.pretrained import folder_of
from fmlab.widgets.attention import attention_scores
from fmlab.widgets.page_models import document_ids, loaded, next_logits, worker_script
from tests.widgets.writer_vectors import SETTINGS, PageNumbers, page_settings, prompts, sampled


class Widget:
    """The worker's script, which the page loads as a file."""

    _esm = worker_script()


def vectors():
    return {
        "folder": str(folder_of("micro")),
        "sampled": sampled()[:3],
        "ahead": [ahead(text, response) for text in texts() for response in ([], [11, 300, 7])],
        "scores": [scores(text) for text in texts()],
    }


def texts():
    """Return texts of at most 64 tokens: what is hard to split, and beginnings of documents."""
    return [text for text in prompts() if len(document_ids("micro", text)) <= 60][:12]


def ahead(text, response):
    """Return the logits after a text and a response, and what is written there."""
    options, _, seed = SETTINGS[4]
    model, _ = loaded("micro")
    ids = [*document_ids("micro", text), *response]
    numbers = PageNumbers(seed)
    numbers.n = len(response)
    numbers.spawn = lambda n_children: [numbers]
    row = generate(model, ids, 8, rng=numbers, **options)
    return {
        "request": {
            "text": text,
            "response": response,
            "settings": page_settings(options, {}),
            "seed": seed,
            "n": 8,
        },
        "ids": ids,
        "logits": next_logits("micro", text, response).tolist(),
        "next": row.ids[0],
    }


def scores(text):
    model, _ = loaded("micro")
    ids = document_ids("micro", text)
    weights = model.attention_weights(torch.tensor([ids]))
    return {
        "text": text,
        "scores": attention_scores(model, ids).tolist(),
        "weights": [layer[0].tolist() for layer in weights],
    }
