"""Which cells does a cell need? So that a page can run one cell after just those.

A cell binds names, reads names that it has not bound itself, and changes things in place. It needs
the cells that bind what it reads, those that change it on the way, and what these need in turn.
Comprehensions and the insides of functions do not leak out: a name is read only where the cell has
not bound it before. What a cell binds only perhaps (under an ``if``, in a loop, a ``try``, or a
``with`` that may swallow errors) does not replace the earlier binding. What might be a change
counts as one: a needless cell costs time, and a missing one would cost the right answer.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

BUILTIN = frozenset(dir(builtins)) | {"display"}
METHODS = (
    "append extend insert pop remove sort reverse clear update add discard setdefault popitem "
    "random integers choice normal standard_normal exponential shuffle permutation spawn "
    "uniform geometric poisson manual_seed step train observe fill add_ mul_ copy_ zero_ "
    "register_hook register_forward_hook register_forward_pre_hook advance start push"
)
CHANGING = frozenset(METHODS.split())  # methods that change the thing they belong to
CONTEXTS = (
    "open no_grad enable_grad inference_mode inference errstate printoptions catch_warnings "
    "rc_context redirect_stdout redirect_stderr fork_rng TemporaryDirectory tqdm Pool"
)
HARMLESS = frozenset(CONTEXTS.split())  # after these, the whole of the block has run
ALIASES = "np plt torch F nn math json re itertools time checks"
MODULES = frozenset(ALIASES.split())  # as the chapters call them
# What leaves something behind in a module. A drawing does not: each cell shows and closes its own.
SETTING = re.compile(
    r"(plt\.(style|rc\w*|switch_backend)|np\.(random\.(?!default_rng|[A-Z])|set)|torch\.set)"
)
DRAWING = re.compile(r"torch\.(rand\w*|normal|multinomial|bernoulli)|nn\.[A-Z]\w*")
SEED = "torch's seed"  # counts as a name: torch.manual_seed binds it, and what draws changes it


@dataclass
class Facts:
    """What a cell does with the names of the page."""

    binds: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    sure: set[str] = field(default_factory=set)  # those that it binds whatever happens
    inner: set[str] = field(default_factory=set)  # those that its functions read when called


class Reader(ast.NodeVisitor):
    """Reads a cell in the order in which it runs."""

    def __init__(self) -> None:
        self.facts, self.later = Facts(), []  # later: bodies of functions, which run when called

    # --- names
    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id)
        else:
            self._bind(node.id)

    def _bind(self, name: str) -> None:
        self.facts.binds.add(name)
        self.facts.sure.add(name)

    def _read(self, name: str) -> None:
        if name not in self.facts.sure and name not in BUILTIN:
            self.facts.reads.add(name)

    def _change(self, node: ast.AST) -> None:
        name = root_of(node)
        if name in MODULES and not SETTING.match(ast.unparse(node)):
            return
        if name is not None and name not in BUILTIN:
            self.facts.changes.add(name)

    # --- statements, in the order in which their parts run
    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._target(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self._target(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        name = root_of(node.target)
        if name is not None:
            self._read(name)
            self.facts.changes.add(name)
        self.generic_visit(node.target)
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id)

    def _target(self, target: ast.AST) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._target(part)
        elif isinstance(target, ast.Starred):
            self._target(target.value)
        else:  # x[i] = ..., x.a = ...
            self.visit(target)
            self._change(target)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            name = root_of(target)
            if name is not None:
                self._read(name)
                self.facts.changes.add(name)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        before = set(self.facts.sure)
        self._target(node.target)
        self._block(node.body)
        self.facts.sure = before  # the loop may have had no turn
        self._perhaps(node.orelse)

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._perhaps(node.body)
        self._perhaps(node.orelse)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._either(node.body, node.orelse)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._either([node.body], [node.orelse])

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        self._perhaps(node.values[1:])

    def visit_Try(self, node: ast.Try) -> None:
        """Either the body has run, or some of it and one of the handlers."""
        self._either([*node.body, *node.orelse], *([handler] for handler in node.handlers))
        self._block(node.finalbody)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.type is not None:
            self.visit(node.type)
        if node.name is not None:
            self._bind(node.name)
        self._block(node.body)
        self.facts.sure.discard(node.name)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._either([], *([case] for case in node.cases))

    def visit_match_case(self, node: ast.match_case) -> None:
        for pattern in ast.walk(node.pattern):
            for name in (getattr(pattern, "name", None), getattr(pattern, "rest", None)):
                if name is not None:
                    self._bind(name)
        self._perhaps([] if node.guard is None else [node.guard])
        self._block(node.body)

    def _either(self, *blocks: Iterable[ast.AST]) -> None:
        """Read alternatives: a name that all of them bind is bound for sure."""
        before, after = set(self.facts.sure), []
        for block in blocks:
            self.facts.sure = set(before)
            self._block(block)
            after.append(self.facts.sure)
        self.facts.sure = set.intersection(*after)

    def _perhaps(self, block: Iterable[ast.AST]) -> None:
        self._either([], block)

    def visit_With(self, node: ast.With) -> None:
        harmless = True
        for item in node.items:
            self.visit(item.context_expr)
            harmless &= last_name(item.context_expr) in HARMLESS
            if item.optional_vars is not None:
                self._target(item.optional_vars)
        if harmless:
            self._block(node.body)
        else:
            self._perhaps(node.body)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind((alias.asname or alias.name).partition(".")[0])

    visit_ImportFrom = visit_Import

    def visit_Expr(self, node: ast.Expr) -> None:
        """A value that nobody keeps was computed for its effect."""
        self.visit(node.value)
        if isinstance(node.value, ast.Call):
            call = node.value
            if isinstance(call.func, ast.Attribute):
                self._change(call.func)
            elif root_of(call.func) not in BUILTIN:
                for argument in call.args:
                    if not is_call_of_a_name(argument):  # of f(g(x)), f changes no g
                        self._change(argument)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        function = ast.unparse(node.func)
        if function == "torch.manual_seed":
            self._bind(SEED)
        elif DRAWING.fullmatch(function) and not any(k.arg == "generator" for k in node.keywords):
            self._read(SEED)
            self.facts.changes.add(SEED)
        if isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            self._change(node.func)
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            if isinstance(argument, ast.Name) and "rng" in argument.id:
                self._change(argument)  # a random generator is another one after each draw

    # --- scopes
    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in [*node.decorator_list, node.args]:
            self.visit(part)
        self._bind(node.name)
        self.later.append(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        self.later.append(node)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *(d for d in node.kw_defaults if d is not None)]:
            self.visit(default)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in [*node.decorator_list, *node.bases]:
            self.visit(part)
        inside = Reader()
        inside._block(node.body)
        for name in inside.finish().reads:
            self._read(name)
        self._bind(node.name)

    def visit_comprehension_scope(self, node: ast.AST) -> None:
        inside = Reader()
        for generator in node.generators:
            inside.visit(generator.iter)
            inside._target(generator.target)
            for condition in generator.ifs:
                inside.visit(condition)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for part in parts:
            inside.visit(part)
        own = {name for g in node.generators for name in names_in(g.target)}
        found = inside.finish()
        for name in found.reads:
            self._read(name)
        self.facts.changes |= found.changes - own
        self.facts.binds |= found.binds - own  # by :=, if there is anything to go through

    visit_ListComp = visit_SetComp = visit_comprehension_scope
    visit_DictComp = visit_GeneratorExp = visit_comprehension_scope

    def _block(self, statements: Iterable[ast.AST]) -> None:
        for statement in statements:
            self.visit(statement)

    def finish(self) -> Facts:
        """Read the bodies of functions: they run later, when the whole cell is bound."""
        while self.later:
            node = self.later.pop(0)
            inside = Reader()
            arguments = node.args
            inside.facts.binds |= {
                argument.arg
                for argument in (
                    *arguments.posonlyargs,
                    *arguments.args,
                    *arguments.kwonlyargs,
                    *filter(None, (arguments.vararg, arguments.kwarg)),
                )
            }
            body = [node.body] if isinstance(node, ast.Lambda) else node.body
            own, outside = locals_of(body)
            own |= inside.facts.binds - outside
            inside.facts.sure |= own
            inside._block(body)
            found = inside.finish()
            for name in found.reads:
                self._read(name)
            self.facts.inner |= found.reads | found.inner
            # A function that changes what is outside of it changes it when it is called.
            for name in outside:
                self._read(name)
            self.facts.changes |= (found.changes - found.binds - own) | outside
        return self.facts


def root_of(node: ast.AST) -> str | None:
    """Return the name at the start of x, x.a, x[i] or x.a(...).b; None if there is none."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return None
    return node.id


def is_call_of_a_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def last_name(node: ast.AST) -> str | None:
    """Return the b of a.b, a.b(...) and b(...); None if there is none."""
    node = node.func if isinstance(node, ast.Call) else node
    return getattr(node, "attr", getattr(node, "id", None))


def locals_of(body: Sequence[ast.AST]) -> tuple[set[str], set[str]]:
    """Return the names that a function's body binds anywhere, and those that it calls global."""
    own, outside, nodes = set(), set(), list(body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Global | ast.Nonlocal):
            outside |= set(node.names)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            own.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            own |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        scopes = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
        scopes |= ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        if not isinstance(node, scopes):
            nodes += ast.iter_child_nodes(node)
    return own - outside, outside


def names_in(target: ast.AST) -> set[str]:
    """Return the names that a target binds."""
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}


def facts_of(source: str) -> Facts:
    """Return what a cell does. Errors: ``SyntaxError`` for what is not plain Python.

    >>> facts = facts_of("for n in sizes:\\n    total.append(n)")
    >>> sorted(facts.binds), sorted(facts.reads), sorted(facts.changes)
    (['n'], ['sizes', 'total'], ['total'])
    """
    reader = Reader()
    reader._block(ast.parse(source).body)
    facts = reader.finish()
    facts.changes &= facts.binds | facts.reads
    return facts


def statements(source: str) -> list[str]:
    """Return the statements of a cell, in their order; those that share a line stay together.

    >>> statements("a = 1; b = 2  # both\\n\\n@cache\\ndef f(x):\\n    return x")
    ['a = 1; b = 2  # both', '@cache\\ndef f(x):\\n    return x']
    """
    lines, spans = source.split("\n"), []
    for node in ast.parse(source).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        if spans and first <= spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], node.end_lineno)
        else:
            spans.append([first, node.end_lineno])
    return ["\n".join(lines[first - 1 : last]) for first, last in spans]


def needs(cells: Sequence[Facts], index: int) -> list[int]:
    """Return the earlier cells that a cell needs, in their order.

    >>> page = [facts_of(c) for c in ("a = []", "b = 2", "a.append(b)", "print(a)", "print(b)")]
    >>> needs(page, 3), needs(page, 4)
    ([0, 1, 2], [1])
    """
    inner: set[str] = set()  # functions read these names when they are called, not where they begin
    while True:
        needed, wanted = [], cells[index].reads | inner
        for earlier in reversed(range(index)):
            facts = cells[earlier]
            if wanted.isdisjoint(facts.binds | facts.changes):
                continue
            needed.append(earlier)
            wanted -= facts.sure - facts.reads
            wanted |= facts.reads
        found = set().union(*(cells[earlier].inner for earlier in needed))
        if found <= inner:
            return needed[::-1]
        inner |= found
