"""What Python expects of the picture of the whole model: every number on the way of a token."""

import torch

from fmlab.models import inference, load
from fmlab.models.pretrained import folder_of
from fmlab.tokenization import END_OF_TEXT
from fmlab.widgets import WholeModel
from fmlab.widgets.base import joined
from fmlab.widgets.page_models import ENGINE
from fmlab.widgets.playground import STORY
from fmlab.widgets.whole_model import n_parameters
from tests.widgets.writer_vectors import exact_model


class Widget:
    """The engine of the worker, and the pure functions of the display."""

    _esm = joined("shared.js", *ENGINE, "engine.js", "whole_model.js")


def vectors():
    model, tokenizer = exact_model("micro"), load("micro")[1]
    ids = [tokenizer.special_tokens[END_OF_TEXT], *tokenizer.encode(STORY)]
    sizes = WholeModel().sizes
    return {
        "folder": str(folder_of("micro")),
        "text": STORY,
        "traces": [trace(model, ids, position) for position in (0, 3, len(ids) - 1)],
        "sizes": sizes,
        "parameters": [n_parameters(size) for size in sizes],
        "n_own": sum(p.numel() for p in load("micro")[0].parameters()),
    }


def trace(model, ids, position):
    """Return what torch computes inside the model, seen from outside by hooks, at a position."""
    inside, handles = {}, []

    def keep(name):
        def hook(module, inputs, output):
            inside[f"{name}.in"], inside[name] = inputs[0], output

        return hook

    for name, module in model.named_modules():
        handles.append(module.register_forward_hook(keep(name)))
    with inference(model):
        logits = model(torch.tensor([ids]))[0][0, position]
    for handle in handles:
        handle.remove()
    weights = model.attention_weights(torch.tensor([ids]))
    width, n_heads = model.config.d_model, model.config.n_heads
    d, row = width // n_heads, (0, position)
    layers = []
    for i in range(model.config.n_layers):
        at = f"transformer.h.{i}"
        before, between = inside[f"{at}.ln_1.in"][row], inside[f"{at}.ln_2.in"][row]
        parts = inside[f"{at}.attn.c_attn"][0].view(-1, 3, n_heads, d)  # (T, 3, H, d)
        query, keys, values = parts[position, 0], parts[: position + 1, 1], parts[: position + 1, 2]
        scores = torch.einsum("hd,thd->ht", query, keys) / d**0.5
        mixed = inside[f"{at}.attn.c_proj.in"][row].view(n_heads, d)
        heads = [
            {
                "query": query[h].tolist(),
                "key": keys[-1, h].tolist(),
                "values": values[:, h].tolist(),
                "scores": scores[h].tolist(),
                "weights": weights[i][0, h, position, : position + 1].tolist(),
                "output": mixed[h].tolist(),
            }
            for h in range(n_heads)
        ]
        mlp = inside[f"{at}.mlp.c_proj"][row]
        layers.append(
            {
                "before": before.tolist(),
                "heads": heads,
                "attention": (between - before).tolist(),
                "between": between.tolist(),
                "hidden": inside[f"{at}.mlp.c_proj.in"][row].tolist(),
                "mlp": mlp.tolist(),
                "after": (between + mlp).tolist(),
            }
        )
    return {
        "position": position,
        "id": ids[position],
        "embedding": model.transformer["wte"].weight[ids[position]].tolist(),
        "place": model.transformer["wpe"].weight[position].tolist(),
        "layers": layers,
        "last": inside["transformer.ln_f"][row].tolist(),
        "logits": logits.tolist(),
    }
