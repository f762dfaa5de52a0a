"""Who imports whom: the contracts of pyproject.toml hold, and the check of them notices a break."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
LONGEST_MODULE = 300  # lines: a module is shorter
QUICK = 0.05  # seconds in which `import fmlab` must end
PLANTED = '''

def _upward():
    """Hide an import of the topmost layer in a function."""
    from fmlab.experiments import results

    return results
'''


def test_modules_are_short():
    lengths = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert len(lengths) > 100
    assert {name: n for name, n in lengths.items() if n >= LONGEST_MODULE} == {}


# The contracts, on a copy of the packages


@pytest.fixture
def copy(tmp_path):
    """A copy of the packages' modules, with a setting for each contract of pyproject.toml."""
    ignored = shutil.ignore_patterns("*.egg-info", "weights", "__pycache__", "*.js", "*.css")
    shutil.copytree(SOURCE, tmp_path / "src", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder):
    """Run lint-imports on the packages in a folder; return its status and its report."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    path = f"import sys; sys.path.insert(0, {str(folder / 'src')!r}); {code}"
    command = [sys.executable, "-c", path, "--config", "pyproject.toml", "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_packages_keep_the_contracts(copy):
    status, report = lint(copy)
    assert status == 0, report
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in project["tool"]["importlinter"]["contracts"]:
        assert f"{contract['name']} KEPT" in report


def test_upward_import_inside_a_function_is_found(copy):
    module = copy / "src" / "fmlab" / "models" / "configs.py"
    module.write_text(module.read_text(encoding="utf-8") + PLANTED, encoding="utf-8")
    status, report = lint(copy)
    assert status == 1, report
    assert "the rooms of fmlab BROKEN" in report
    assert "fmlab.models.configs -> fmlab.experiments" in report


def test_new_room_must_be_given_a_place(copy):
    (copy / "src" / "fmlab" / "attic.py").write_text('"""What nobody has placed."""\n')
    status, report = lint(copy)
    assert status == 1
    assert "attic" in report


# What an import loads


def loaded_by(statement):
    """Return the names of all modules that are loaded after a statement, in a new interpreter."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_of_the_package_is_quick_and_loads_nothing():
    code = (
        "import time\nstart = time.perf_counter()\nimport fmlab\nprint(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code]
    seconds = [float(subprocess.check_output(command, text=True)) for _ in range(5)]
    assert min(seconds) < QUICK  # the machine may be busy in one run, hardly in five
    names = loaded_by("import fmlab")
    assert {name for name in names if name.startswith(("fmlab.", "microworld"))} == set()
    assert not {"torch", "numpy"} & names


@pytest.mark.parametrize(
    "statement",
    [
        "import fmlab.sampling",
        "import fmlab.tokenization",
        "from fmlab.tokenization import BPETokenizer",
        "import fmlab.models, fmlab.data, fmlab.generation, fmlab.training, fmlab.alignment",
        "import fmlab.evaluation, fmlab.interpretability, fmlab.scaling, fmlab.recipes",
        "from fmlab.models import causal_mask",
        "import microworld",
    ],
)
def test_torch_is_loaded_only_where_it_is_used(statement):
    assert "torch" not in loaded_by(statement)


def test_world_needs_no_package_but_the_standard_library():
    modules = loaded_by("import microworld\nmicroworld.MicroWorld")
    foreign = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    before = {name.partition(".")[0] for name in loaded_by("pass")}
    assert foreign - before == {"microworld"}


def test_loading_a_model_does_not_load_how_models_are_made():
    modules = loaded_by("from fmlab import models\nmodels.load('micro')")
    above = ("fmlab.training", "fmlab.recipes", "fmlab.alignment", "microworld")
    assert {name for name in modules if name.startswith(above)} == set()
    assert "fmlab.models.gpt" in modules


def test_the_grader_may_not_import_any_other_room():
    """The contract lists the forbidden rooms one by one: a new room has to be added to it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = contracts["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c.get("containers") == ["fmlab"])
    rooms = {room.strip() for layer in layers for room in layer.split("|")}
    (grader,) = (c for c in contracts if c.get("source_modules") == ["fmlab_grading"])
    allowed = {"files", "arguments"}
    forbidden = {"microworld"} | {f"fmlab.{room}" for room in rooms - allowed}
    assert set(grader["forbidden_modules"]) == forbidden
