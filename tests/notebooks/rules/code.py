"""Rules for the code of a notebook."""

from __future__ import annotations

import ast
import io
import statistics
import tokenize
from collections.abc import Iterator

from tests.notebooks.rules.notebook import (
    Finding,
    Notebook,
    figures,
    is_colab,
    lines,
    parse,
    python,
    rule,
    visible,
)

LONGEST_CELL = 30  # lines
LONGEST_MEDIAN = 6

RANDOM_TORCH = {
    *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"),
    *("normal", "multinomial", "bernoulli", "poisson"),
    *("uniform_", "normal_", "random_", "bernoulli_", "exponential_"),
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "trunc_normal_"),
    *("Linear", "Bilinear", "Embedding", "Conv1d", "Conv2d", "RNN", "LSTM", "GRU"),
    *("MultiheadAttention", "Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer"),
}
NETWORK_MODULES = {"requests", "urllib3", "aiohttp", "socket", "ftplib", "websocket"}
NETWORK_MODULES |= {"urllib.request", "http.client"}
NETWORK_CALLS = {
    *("urlopen", "urlretrieve", "from_pretrained", "load_dataset", "hf_hub_download"),
    *("snapshot_download", "get_encoding", "encoding_for_model"),  # the last two: tiktoken's tables
}
LAYOUT = {tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}
SHELL_CALLS = {"system", "getoutput"}  # what `!command` becomes
SHELL_MAGICS = {"pip", "conda", "bash", "sh", "script"}


@rule()
def cells_are_short(notebook: Notebook) -> Iterator[Finding]:
    """At most 30 lines in a cell, and half of those the reader sees unfolded have at most 6."""
    for cell in notebook.code:
        if (count := len(lines(cell))) > LONGEST_CELL:
            yield cell, f"{count} lines; at most {LONGEST_CELL}: longer code belongs in fmlab"
    if (median := median_cell(notebook)) > LONGEST_MEDIAN:
        yield None, f"the median cell has {median:g} lines; at most {LONGEST_MEDIAN}"


def median_cell(notebook: Notebook) -> float:
    """Lines of the median code cell, of those that are not folded or hidden."""
    counts = [len(lines(cell)) for cell in notebook.code if visible(cell)]
    return statistics.median(counts) if counts else 0


@rule()
def randomness_is_seeded(notebook: Notebook) -> Iterator[Finding]:
    """Whatever is random has its seed in the same cell, so that the cell alone decides."""
    names: dict[str, str] = {}
    for cell in notebook.code:
        tree = parse(cell)
        names |= imported(tree)
        named_calls = list(calls(tree, names))
        seeded = any(name == "torch.manual_seed" and call.args for name, call in named_calls)
        for name, call in named_calls:
            if problem := unseeded(name, call, seeded, cell.source):
                yield cell, f"`{ast.unparse(call)[:60]}`: {problem}"


def unseeded(name: str, call: ast.Call, torch_seeded: bool, source: str) -> str:
    """Say what is wrong with a call that is random and has no seed; else nothing."""
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    given = any(not (isinstance(a, ast.Constant) and a.value is None) for a in arguments)
    last = name.rpartition(".")[2]
    if name.startswith("numpy.random."):
        if last[0].isupper() or last == "default_rng":
            return "" if given else "give it a seed"
        return "draws from a state all cells share; use np.random.default_rng(seed)"
    if name.startswith("random."):
        if last == "Random":
            return "" if given else "give it a seed"
        return "draws from a state all cells share; use random.Random(seed)"
    if name in ("uuid.uuid1", "uuid.uuid4", "os.urandom") or name.startswith("secrets."):
        return "cannot be seeded"
    if name == "torch.Generator" and ".manual_seed(" not in source:
        return "call .manual_seed(seed) on it in this cell"
    in_torch = name.startswith("torch.") or (name.startswith("?.") and last.endswith("_"))
    seeded = torch_seeded or any(keyword.arg == "generator" for keyword in call.keywords)
    if in_torch and last in RANDOM_TORCH and not seeded:
        return "call torch.manual_seed(seed) in this cell, or pass a generator"
    return ""


def imported(tree: ast.Module) -> dict[str, str]:
    """The full name of each name that a cell imports."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def calls(tree: ast.Module, names: dict[str, str]) -> Iterator[tuple[str, ast.Call]]:
    """Yield all calls with the full name of what is called; `?.f` if its owner is not a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts, owner = [], node.func
            while isinstance(owner, ast.Attribute):
                parts.insert(0, owner.attr)
                owner = owner.value
            if isinstance(owner, ast.Name):
                start = names.get(owner.id, owner.id if not parts else "?")
                yield ".".join([start, *parts]), node
            elif parts:
                yield f"?.{parts[-1]}", node


@rule()
def needs_no_network(notebook: Notebook) -> Iterator[Finding]:
    """Nothing is fetched, and no command is run outside Python, but for the package on Colab."""
    for cell in notebook.code:
        if is_colab(cell):
            continue
        for node in ast.walk(parse(cell)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [alias.name for alias in node.names]
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
                for name in names:
                    if name in NETWORK_MODULES or name.partition(".")[0] in NETWORK_MODULES:
                        yield cell, f"imports {name}, which is for the network"
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                first = node.args[0] if node.args else None
                magic = isinstance(first, ast.Constant) and first.value in SHELL_MAGICS
                if name in NETWORK_CALLS:
                    yield cell, f"{name}() downloads"
                elif name in SHELL_CALLS or ("magic" in name and magic):
                    yield cell, "runs a command outside Python"
            elif isinstance(node, ast.Constant) and str(node.value).startswith(("http:", "https:")):
                yield cell, f"has the address {node.value!r}"


@rule()
def plot_cells_end_in_show(notebook: Notebook) -> Iterator[Finding]:
    """Otherwise the picture comes with the repr of whatever the last line returns."""
    for cell in notebook.code:
        if figures(cell):
            body = parse(cell).body
            while body and isinstance(body[-1], ast.With):
                body = body[-1].body
            if not body or ast.unparse(body[-1]) != "plt.show()":
                yield cell, "puts out a figure but does not end in plt.show()"


@rule()
def no_semicolon_at_the_end(notebook: Notebook) -> Iterator[Finding]:
    """It hides the output when the notebook is run but not when it is tested."""
    for cell in notebook.code:
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(python(cell)).readline))
        except (tokenize.TokenError, SyntaxError):
            continue
        last = [token.string for token in tokens if token.type not in LAYOUT and token.string][-1:]
        if last == [";"]:
            yield cell, "ends in a semicolon; assign the value, or end in plt.show()"


@rule()
def outputs_stay_as_they_are(notebook: Notebook) -> Iterator[Finding]:
    """Outputs that a cell clears or changes afterwards cannot be compared."""
    for cell in notebook.code:
        for node in ast.walk(parse(cell)):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                keywords = {keyword.arg for keyword in node.keywords}
                if name in ("clear_output", "update_display") or "display_id" in keywords:
                    yield cell, f"{name}(): print the final state instead"
