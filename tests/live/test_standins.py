"""The stand-ins of the page: what they compute is torch's, and what they lack is an error."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fmlab.generation import generate, respond
from fmlab.models import load, token_logprobs
from fmlab.tokenization import GPT4_SPLIT
from fmlab.tokenization.pretokenization import compile_pattern

ROOT = Path(__file__).resolve().parents[2]
STANDINS = ROOT / "src" / "live" / "standins"


def in_the_page(code):
    """Run code where the stand-ins take the place of torch, regex and others; return its JSON."""
    start = f"import sys; sys.path.insert(0, {str(STANDINS)!r})\nimport json\n"
    run = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_the_models_compute_the_same():
    found = in_the_page(
        """
import numpy as np, torch
from fmlab.models import load, token_logprobs
from fmlab.generation import generate, respond
assert "stand-in" in torch.__version__
model, tokenizer = load("nano")
ids = tokenizer.encode("The tea was fresh and warm.")
with torch.no_grad():
    logits, loss = model(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]))
weights = model.attention_weights(torch.tensor([ids]))[1].numpy()
rows = generate(model, [ids[:3], ids[:1]], 8, rng=np.random.default_rng(0), n=2)
chat = respond(*load("micro-sft"), ["Where does Bessava Varinatta live?"])
answer = dict(logits=logits[0, -1].tolist(), loss=loss.item(), weights=weights.tolist(),
              ids=rows.ids, chat=chat, logprobs=token_logprobs(model, ids).tolist())
print(json.dumps(answer))
"""
    )
    model, tokenizer = load("nano")
    ids = tokenizer.encode("The tea was fresh and warm.")
    with torch.no_grad():
        logits, loss = model(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]))
    np.testing.assert_allclose(found["logits"], logits[0, -1].numpy(), atol=2e-5)
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-5)
    weights = model.attention_weights(torch.tensor([ids]))[1].numpy()
    np.testing.assert_allclose(found["weights"], weights, atol=1e-5)
    np.testing.assert_allclose(found["logprobs"], token_logprobs(model, ids), atol=2e-5)
    rows = generate(model, [ids[:3], ids[:1]], 8, rng=np.random.default_rng(0), n=2)
    assert found["ids"] == rows.ids
    assert found["chat"] == respond(*load("micro-sft"), ["Where does Bessava Varinatta live?"])


EXPRESSIONS = [
    "x.softmax(-1)", "x.log_softmax(1)", "x.logsumexp(1)", "x.max(1).values", "x.max(1).indices",
    "x.max()", "x.argmax(0)", "x.sum(dim=1, keepdim=True)", "x.mean(0)", "x.std(0)", "x.var(1)",
    "x.std(1, unbiased=False)", "x.topk(2).values", "x.topk(2).indices", "x.sort(1, True)[0]",
    "x.argsort(1)", "x.transpose(0, 1)", "x.view(-1)", "x.view(2, 6)", "x.reshape(4, 3).T",
    "x.unflatten(1, (2, 2))", "x.chunk(2, dim=1)[1]", "x.split(3, dim=1)[1]", "x.clamp(min=0)",
    "x[:, None] * x[None]", "x[ids]", "x[ids, ids]", "x[x > 0]", "x.gather(1, ids[:, None])",
    "x.masked_fill(x > 0, -1.0)", "x.scatter(1, ids[:, None], 5.0)", "x.tril()", "x @ x.T",
    "x / 2", "ids / 2", "ids // 2", "ids % 2", "2 ** x", "1 - x", "-x", "x ** 2", "ids + 0.5",
    "(x > 0) & (x < 1)", "~(x > 0)", "(x > 0).sum()", "(x > 0).float().mean()", "x.exp().log()",
    "x.abs().sqrt()", "x.tanh()", "x.sigmoid()", "x.relu()", "x.norm(dim=1)", "x.norm()",
    "x.cumsum(1)", "x.flatten()", "x.permute(1, 0)", "x.unsqueeze(0).squeeze()",
    "x.expand(2, 3, 4)", "x.repeat(2, 1)", "x.repeat_interleave(2, dim=0)", "x.double()",
    "x.long()", "x.half().float()", "torch.cat([x, x], dim=1)", "torch.stack([x, x])",
    "torch.where(x > 0, x, 0.0)", "torch.arange(5)", "torch.zeros(2, 3)", "torch.ones_like(x)",
    "torch.full((2,), 1.5)", "torch.outer(x[0], x[1])", "torch.tensor([1.5, 2])",
    "torch.tensor([1, 2])", "torch.tensor([[True, False]])", "x[0] @ x[1]",
    "F.gelu(x, approximate='tanh')", "F.gelu(x)", "F.silu(x)", "F.layer_norm(x, (4,))",
    "F.cross_entropy(x, ids)", "F.cross_entropy(x, ids, reduction='none')", "F.logsigmoid(x)",
    "F.cross_entropy(x, torch.tensor([0, -100, 2]))", "F.normalize(x, dim=-1)",
    "F.mse_loss(x, x * 2)", "F.binary_cross_entropy_with_logits(x, (x > 0).float())",
    "F.pad(x, (1, 2))", "F.one_hot(ids, 3)",
    "F.scaled_dot_product_attention(q, q, q, is_causal=True)", "F.rms_norm(x, (4,))", "x.unique()",
    "F.scaled_dot_product_attention(q, q, q, q[..., :1].transpose(-1, -2) > 9)[:0]",
    "ids.bincount()", "x.amax(1)", "x.amin(0)", "x.prod()", "x.any()", "(x > 9).all()",
    "x.diagonal()", "x.flip(0)", "x.round(decimals=1)", "torch.maximum(x, -x)",
    "torch.linspace(0, 1, 5)", "torch.eye(3)",
]  # fmt: skip
SETUP = """
import numpy as np, torch, torch.nn.functional as F
a = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
x, ids = torch.tensor(a.tolist()), torch.tensor([0, 2, 1])
q = torch.tensor(np.random.default_rng(1).normal(size=(2, 5, 4)).astype("f4").tolist())
"""


@pytest.fixture(scope="module")
def both():
    """The value and the type of each expression: the stand-in's and torch's."""
    code = (
        SETUP
        + f"""
found = []
for text in {EXPRESSIONS!r}:
    made = eval(text)
    found.append([made.tolist(), str(made.dtype), list(made.shape)])
print(json.dumps(found))
"""
    )
    names = {}
    exec(SETUP, names)
    real = []
    for text in EXPRESSIONS:
        made = eval(text, names)
        real.append([made.tolist(), str(made.dtype), list(made.shape)])
    return dict(zip(EXPRESSIONS, zip(in_the_page(code), real)))


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_gives_what_it_gives_in_torch(both, text):
    (value, kind, shape), (real, real_kind, real_shape) = both[text]
    assert (kind, shape) == (real_kind, real_shape)
    np.testing.assert_allclose(value, real, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "code",
    [
        "x.backward()", "x.kthvalue(1)", "torch.einsum('ij->i', x)", "torch.optim.AdamW([x])",
        "print(x)",
        "torch.nn.GRU(2, 3)", "torch.nn.functional.conv1d(x, x)", "F.dropout(x, 0.5, True)",
        "torch.device('cuda')", "torch.compile(x)", "torch.nn.TransformerEncoderLayer(2, 1)",
    ],
)  # fmt: skip
def test_what_is_missing_is_an_error_that_says_where_to_go(code):
    program = (
        SETUP
        + f"""
try:
    exec({code!r})
except NotImplementedError as error:
    print(json.dumps(str(error)))
"""
    )
    assert "is not in the page. Open this chapter in Binder" in in_the_page(program)


def test_pieces_of_text_are_those_of_regex():
    texts = [
        "It's 12345 days, ça va?\n\n  日本語のテキスト — naïve  x\t",
        "ǅ ʰ ௧௨ Ⅻ ½ a1b2 I'LL don't\r\n",
    ]
    program = f"""
from fmlab.tokenization import GPT4_SPLIT
from fmlab.tokenization.pretokenization import compile_pattern
import regex
assert "standins" in regex.__file__
print(json.dumps([compile_pattern(GPT4_SPLIT).findall(text) for text in {texts!r}]))
"""
    assert in_the_page(program) == [compile_pattern(GPT4_SPLIT).findall(text) for text in texts]


MARKDOWN = "from IPython.display import Markdown\nprint(1)\nMarkdown('*a*')"
RUNS = [
    ("print(1)\n2", [("stream", "1\n"), ("text/plain", "2")], None),
    ("x = 3", [], None),
    ("2;", [], None),
    (
        MARKDOWN,
        [("stream", "1\n"), ("text/markdown", "*a*")],
        None,
    ),
    ("display(1)\nprint(2)", [("text/plain", "1"), ("stream", "2\n")], None),
    ("def f():\n    1 / 0\nf()", [], "ZeroDivisionError: division by zero"),
    ("x = (", [], "SyntaxError"),
    ("raise SystemExit", [], "SystemExit"),
]


@pytest.mark.parametrize(("code", "outputs", "error"), RUNS)
def test_a_cell_gives_what_jupyter_shows(code, outputs, error):
    program = f"""
import live
made = live.run({code!r}, "<cell a>")
print(json.dumps(made))
"""
    made = in_the_page(program)
    assert [(output["kind"], output["data"]) for output in made["outputs"]] == outputs
    if error is None:
        assert made["error"] is None
    else:
        assert error in made["error"]
        assert "live.py" not in made["error"]  # it begins in the cell
