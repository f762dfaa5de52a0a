"""The stand-ins of the page: what they compute is torch's, and what they lack is an error."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fmlab.alignment import load_reward
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
from fmlab.alignment import load_reward
from fmlab.generation import generate, respond
assert "stand-in" in torch.__version__
model, tokenizer = load("nano")
ids = tokenizer.encode("The tea was fresh and warm.")
with torch.no_grad():
    logits, loss = model(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]))
weights = model.attention_weights(torch.tensor([ids]))[1].numpy()
rows = generate(model, [ids[:3], ids[:1]], 8, rng=np.random.default_rng(0), n=2)
chat = respond(*load("micro-sft"), ["Where does Bessava Varinatta live?"])
reward, tokenizer_of_reward = load_reward()
scores = reward.score(tokenizer_of_reward, ["Where is it?"], [" In the hall."]).tolist()
answer = dict(scores=scores, logits=logits[0, -1].tolist(), loss=loss.item(),
              weights=weights.tolist(), ids=rows.ids, chat=chat,
              logprobs=token_logprobs(model, ids).tolist())
print(json.dumps(answer))
"""
    )
    model, tokenizer = load("nano")
    ids = tokenizer.encode("The tea was fresh and warm.")
    with torch.no_grad():
        logits, loss = model(torch.tensor([ids[:-1]]), torch.tensor([ids[1:]]))
    np.testing.assert_allclose(found["logits"], logits[0, -1].numpy(), atol=2e-5)
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-5)
    reward, tokenizer_of_reward = load_reward()
    scores = reward.score(tokenizer_of_reward, ["Where is it?"], [" In the hall."])
    np.testing.assert_allclose(found["scores"], scores, atol=1e-4)
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
    "x.cumsum(1)",
    "x.quantile(0.3)", "x.quantile(1.0)", "x[0].quantile(0)",
    "torch.tensor([x.nbytes, ids.nbytes])",
    "x.flatten()", "x.permute(1, 0)", "x.unsqueeze(0).squeeze()",
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
    # Types of numbers that meet.
    "ids * x[:, 0]", "ids + x[0, 0]", "ids[0] + x", "ids[0] * x[0, 0]", "ids / x[:, 0]",
    "ids == x[:, 0]", "x.double() + ids[:, None]", "x.double() * x", "x.half() + x",
    "x.half() * ids[:, None]",
    "x * x.double()[0, 0]", "ids * torch.tensor(0.5)", "ids * torch.tensor(0.5).double()",
    "(x > 0) * 2", "(x > 0) * 2.5", "(x > 0) + ids[:, None]", "ids.int() + ids", "ids.int() * 2",
    "torch.where(x > 0, ids[:, None], x)", "torch.where(x > 0, 1, 0)",
    "torch.where(x > 0, ids[0], 0.5)",
    "torch.cat([ids, x[:, 0]])", "torch.stack([ids.int(), ids])", "torch.maximum(ids, x[:, 0])",
    "torch.full((2,), 3)", "torch.full((2,), True)", "torch.full((2,), 2, dtype=torch.float32)",
    "ids.clamp(min=0.5)", "ids.clamp(max=1)", "x.sigmoid() * ids[:, None]", "ids.sigmoid()",
    "ids.exp()", "ids.abs()", "ids.sign()", "ids.square()", "ids.rsqrt()[1:]", "x ** ids[:, None]",
    "ids.int().sum()", "ids.int().cumsum(0)", "ids.int().prod()", "(x > 0).cumsum(1)", "-ids",
    "x.mul(ids[:, None])", "x.clone().add_(ids[:, None])", "x.clone().mul_(2)",
    "ids.clone().add_(2)",
    "np.float32(2) * x", "x * np.float64(2)", "ids * np.float64(2)", "ids * np.int64(2)",
    # Arguments that are easy to pass over.
    "x.norm(1)", "x.norm(1, dim=1)", "x.norm(3, 0)", "x.norm(float('inf'), dim=1)",
    "x.norm(2, 1, True)",
    "x.norm(p='fro')", "torch.norm(x)", "F.normalize(x)", "F.normalize(x, dim=0)",
    "F.normalize(x, p=1)",
    "F.normalize(q, dim=-1)", "F.layer_norm(q, (5, 4))", "F.layer_norm(q, (4,), q[0, 0], q[0, 1])",
    "F.layer_norm(q, (5, 4), q[0], q[1], 1e-3)", "F.rms_norm(q, (5, 4))",
    "F.rms_norm(q * 1e-4, (4,))",
    "F.rms_norm(q, (4,), q[0, 0], 1e-2)", "nn.LayerNorm((5, 4))(q)", "nn.LayerNorm(4)(q)",
    "x.chunk(3, dim=1)[0]", "x.chunk(3, dim=1)[1]", "torch.arange(7).chunk(3)[2]",
    "torch.tensor([len(torch.arange(7).chunk(n)) for n in range(1, 9)])",
    "x.split([1, 3], dim=1)[1]",
    "x.std()", "x.std(unbiased=False)", "x.std(False)", "x.var(0, False)", "x.var(0, correction=0)",
    "x.std(1, True, True)", "x.topk(2, largest=False).values", "x.topk(1, dim=0).indices",
    "F.cross_entropy(x, ids, reduction='sum')", "F.cross_entropy(x, torch.tensor([-100] * 3))",
    "F.cross_entropy(x, torch.tensor([1, 7, 2]), ignore_index=7)", "F.cross_entropy(x[0], ids[1])",
    "F.nll_loss(x, ids)", "F.nll_loss(x, ids, reduction='none')",
    "F.mse_loss(x, x * 2, reduction='sum')",
    "F.mse_loss(x, x * 2, reduction='none')", "F.one_hot(ids)", "F.pad(x, (1, 2), value=3.0)",
    "x.gather(1, ids[None, :2])", "x.gather(0, ids[:2, None])", "x.scatter(1, ids[None], 5.0)",
    "x.scatter(1, ids[:, None], x[:, :1])", "x.softmax(0, dtype=torch.float64)",
    "torch.tensor([[-float('inf')] * 2]).logsumexp(1)", "torch.tensor([-1000.0, 1000.0]).sigmoid()",
    "x.roll(1)", "x.roll(2, 0)", "x.roll((1, 2), (0, 1))", "x.T.contiguous().view(-1)",
    "x.nonzero()",
    "x.argsort(0, descending=True)", "x.sort(0).indices", "ids.argsort(descending=True)",
    "x.to(torch.float64)", "x.to('cpu')", "x.flip(0, 1)", "x.flip([1])", "x.masked_fill(x > 0, 3)",
    "x.where(x > 0, ids[:, None])", "F.cosine_similarity(x, -x)",
    "F.cosine_similarity(x, x[:1] - 1)",
    "F.binary_cross_entropy(x.sigmoid(), (x > 0).float())",
    "ids.masked_fill(ids > 0, 1.5)", "x @ np.ones((4, 2), np.float32)",
]  # fmt: skip
SETUP = """
import numpy as np, torch, torch.nn.functional as F
from torch import nn
g = torch.Generator().manual_seed(5)
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
        "x.to('cuda')", "x.to(device='mps')", "torch.zeros(2, device='cuda')", "x.cuda()",
        "torch.tensor([1], device='cuda')", "nn.Linear(2, 3).to('cuda')", "nn.Linear(2, 3).cuda()",
        "torch.ones_like(x, device='cuda')", "torch.arange(3, device='meta')",
        "torch.seed()",
        "torch.randn(20)", "torch.rand(2)", "torch.multinomial(x, 1)",
        "torch.randn(2, generator=g)",
        "torch.randn(4, 4, generator=g, dtype=torch.float64)", "torch.bernoulli(x)",
        "torch.autograd.grad(x, x)", "torch.cuda.synchronize()", "x.norm(0)",
        "nn.Linear(4, 2)(x)", "nn.Embedding(4, 2)(ids)",
        "nn.init.normal_(nn.Linear(4, 2).weight).sum()",
        "nn.init.uniform_(nn.Linear(4, 2).bias).tolist()",
        "nn.init.orthogonal_(nn.Linear(4, 2).weight)",
        "print(nn.Linear(2, 3).weight)", "f'{x}'", "F.pad(x, (1, 1), mode='reflect')",
        "F.cross_entropy(x, x)", "F.cross_entropy(q, ids)", "nn.Dropout(0.1)(x)",
        "nn.Linear(4, 2).register_forward_hook(print, with_kwargs=True)",
        "nn.Linear(4, 2).register_full_backward_hook(print)", "x.scatter(1, ids[:, None], x)",
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


SAME_ERRORS = [
    "F.cross_entropy(x, torch.tensor([0, 4, 1]))", "F.cross_entropy(x, torch.tensor([0, -1, 1]))",
    "F.cross_entropy(x, ids[:2])", "F.cross_entropy(x, ids, reduction='average')",
    "F.nll_loss(x, torch.tensor([0, 4, 1]))", "F.embedding(torch.tensor([-1]), x)",
    "F.one_hot(torch.tensor([0, 5]), 3)", "F.one_hot(torch.tensor([-1]), 3)",
    "x.gather(1, torch.tensor([[-1]]))", "x.gather(1, torch.tensor([[4]]))",
    "x.index_select(0, torch.tensor([-1]))", "x.scatter(1, torch.tensor([[-1]]), 0.0)",
    "F.layer_norm(x, (3,))", "F.rms_norm(x, (3,))", "x.T.view(-1)", "x @ x.double().T",
    "ids.mean()",
    "F.linear(x, x.double())", "ids.softmax(0)", "ids.norm()", "ids.add_(0.5)", "ids.mul_(x[:, 0])",
    "(x > 0).mul_(2)", "x.add_(x[None])", "x.topk(9)", "x.split([1, 1], dim=1)", "ids.var()",
    "F.scaled_dot_product_attention(q, q, q, q[..., :1] > 0, is_causal=True)",
    "nn.Linear(2, 3).load_state_dict({'weight': x, 'bias': x[0, :3]})",
    "nn.Linear(2, 3).load_state_dict({'weight': x})", "F.normalize(ids)",
    "F.binary_cross_entropy(x, x.sigmoid())",
]  # fmt: skip


@pytest.mark.parametrize("code", SAME_ERRORS)
def test_what_torch_refuses_is_refused(refused, code):
    names = {}
    exec(SETUP, names)
    with pytest.raises((RuntimeError, IndexError, ValueError, TypeError)):
        exec(code, names)
    assert refused[code] is not None


@pytest.fixture(scope="module")
def refused():
    """The error that each line causes with the stand-ins; None if it computes something."""
    program = (
        SETUP
        + f"""
found = {{}}
for code in {SAME_ERRORS!r}:
    try:
        exec(code)
        found[code] = None
    except Exception as error:
        found[code] = str(error)
print(json.dumps(found))
"""
    )
    return in_the_page(program)


def test_views_share_their_numbers_where_those_of_torch_do():
    program = """
shared = []
x = torch.arange(6.0).view(2, 3)
views = dict(T=lambda: x.T, flip=lambda: x.flip(0), view=lambda: x.view(-1), part=lambda: x[:, 1],
             picked=lambda: x[[0]], contiguous=lambda: x.T.contiguous(), roll=lambda: x.roll(1),
             split=lambda: x.split(1)[1], chunk=lambda: x.chunk(2)[1], rows=lambda: list(x)[1],
             clone=lambda: x.clone(), cast=lambda: x.double(), same=lambda: x.float(),
             copy=lambda: x.to(torch.float32, copy=True), detach=lambda: x.detach())
for name, make in views.items():
    x = torch.arange(6.0).view(2, 3)
    made = make()
    made[...] = -1.0
    if (x < 0).any().item():
        shared.append(name)
"""
    real = {"torch": torch}
    exec(program, real)
    assert in_the_page(f"import torch\n{program}\nprint(json.dumps(shared))") == real["shared"]


def test_a_model_has_a_shape_before_it_has_weights():
    program = """
import numpy as np, torch
from copy import deepcopy
fresh = torch.nn.Linear(4, 8)
n = sum(p.numel() for p in fresh.parameters())
try:
    deepcopy(fresh)(torch.zeros(1, 4))
except NotImplementedError as error:
    print(json.dumps([n, str(error)]))
"""
    n, message = in_the_page(program)
    assert n == 40
    assert message.startswith(
        "a model with random weights, drawn without a seed, is not in the page."
    )


def test_the_digest_of_a_cell_changes_with_the_python_of_the_page(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import live

    digests = {live.environment()}
    for name, folder in (("SCRIPTS", "worker.js"), ("STANDINS", "torch.py"), ("WHEELS", "a.whl")):
        with monkeypatch.context() as patched:
            (tmp_path / name).mkdir()
            (tmp_path / name / "worker.js").write_text("// another")
            (tmp_path / name / folder).write_text("another")
            patched.setattr(live, "ROOT", Path("/"))
            patched.setattr(live, name, tmp_path / name)
            live.environment.cache_clear()
            digests.add(live.environment())
    with monkeypatch.context() as patched:
        lock = tmp_path / "lock.json"
        lock.write_text('{"packages": {"node_modules/pyodide": {"version": "1"}}}')
        patched.setattr(live, "NPM_LOCK", lock)
        live.environment.cache_clear()
        digests.add(live.environment())
    live.environment.cache_clear()
    assert len(digests) == 5
    path = ROOT / "book" / "preface.ipynb"

    def digests_of_cells():
        return {cell["digest"] for cell in live.page_cells(path) if not cell["is_part"]}

    before = digests_of_cells()
    monkeypatch.setattr(live, "environment", lambda: "another Python")
    assert not digests_of_cells() & before


def test_the_copy_of_pyodide_is_made_again_when_a_wheel_changes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    import vendor

    monkeypatch.setattr(vendor, "WHEELS", tmp_path)
    digests = {vendor.pyodide_digest()}
    for text in ("one", "two"):
        (tmp_path / "numpy.whl").write_text(text)
        digests.add(vendor.pyodide_digest())
    assert len(digests) == 3


RANDOM = """
import torch
from fmlab.models import GPT, load
from torch import nn
g = torch.Generator().manual_seed(7)
made = [torch.rand(3, 5, generator=g), torch.randn(40, generator=g), torch.randn(4, 8, generator=g),
        torch.randint(9, (11,), generator=g), torch.randint(-3, 300, (2, 3), generator=g),
        torch.randperm(30, generator=g), torch.empty(5, 7).uniform_(-2, 3, generator=g),
        torch.empty(5, 7).normal_(1, 0.5, generator=g), torch.rand(2, generator=torch.Generator())]
torch.manual_seed(2**40 + 3)
made += [torch.rand(2), nn.Linear(6, 5).weight, nn.Linear(6, 5).bias, nn.Embedding(7, 8).weight]
with torch.random.fork_rng(devices=[]):
    made.append(torch.rand(2))
made.append(torch.rand(2))
model, tokenizer = load("nano")
ids = torch.tensor([tokenizer.encode("The tea was fresh.")])
for fresh in (GPT(model.config), GPT(model.config, seed=3, spread=0.5)):
    with torch.no_grad():
        made.append(fresh(ids)[0][0, -1, :50])
answer = [x.tolist() for x in made]
"""


def test_random_numbers_and_initial_weights_are_those_of_torch():
    names = {}
    exec(RANDOM, names)
    found = in_the_page(RANDOM + "print(json.dumps(answer))")
    assert len(found) == len(names["answer"]) == 17
    for ours, real in zip(found, names["answer"]):
        np.testing.assert_allclose(ours, real, rtol=1e-4, atol=2e-5)


def test_the_names_of_countries_are_those_of_babel(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import babel

    import live

    names = {}
    exec(live.babel_standin(), names)
    for tag in ("en", "am", "ja"):
        assert names["Locale"](tag).territories == dict(babel.Locale(tag).territories)
        assert names["Locale"](tag).languages == dict(babel.Locale(tag).languages)
    with pytest.raises(NotImplementedError, match="'fr' is not in the page"):
        names["Locale"]("fr")
