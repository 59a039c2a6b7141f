"""What the code may import, call and measure: each rule read from the syntax tree."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("absorb", "sweeps", "figures", "hydra_plugins")

# A module may import from its own layer and from those above it in this table.
FIRST = ("errors", "devices", "settings", "world_config", "model_config", "config", "idx",
         "checksums", "rules", "feature_rules", "mechanics_rules", "measure_rules", "token_rules",
         "dynamics_rules", "sites", "footprint", "load", "identity", "knobs", "keys")  # fmt: skip
LAYERS = (
    tuple(f"absorb.{name}" for name in FIRST),
    ("absorb.worlds",),
    ("absorb.routing",),  # the kernels, which the models are made of
    ("absorb.models",),
    ("absorb.train",),
    ("absorb.dynamics",),
    ("absorb.measure",),
    ("absorb.lanes",),  # one program that trains and measures many networks
    ("absorb.stats",),
    ("absorb.store",),
    ("sweeps", "hydra_plugins"),
    ("figures",),
    ("absorb.cli",),
)
FIGURES_MAY_IMPORT = ("absorb.errors", "absorb.stats", "absorb.store", "figures")

# Libraries that only these modules may know.
CONFINED = {
    "hydra": ("sweeps", "hydra_plugins", "absorb.cli"),
    "omegaconf": ("absorb.load", "sweeps", "hydra_plugins", "absorb.cli"),
    "matplotlib": ("figures",),
}

CODE_IN_DATA = ("pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib")
# The entry by which Hydra itself finds its sweeper, whose node it demands to carry `_target_`.
MAY_SAY_TARGET = ("hydra_plugins", "sweeps.sweeper")

LONGEST_FILE = 300
LONGEST_FUNCTION = 60


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer_of(module: str) -> int | None:
    if module == "absorb":  # its __init__ imports nothing, so anyone may import it
        return 0
    found = [i for i, layer in enumerate(LAYERS) if any(is_in(module, name) for name in layer)]
    return found[0] if found else None


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    base = module.split(".")
    base = base[: len(base) - node.level + is_package]
    return ".".join(base + ([node.module] if node.module else []))


def imports(tree: ast.AST, module: str, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, at the top, inside functions, or by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, module, is_package)
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node).endswith(("import_module", "__import__")):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant):
                yield node.lineno, str(first.value)


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def arrows_back(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    here = layer_of(module)
    if here is None:
        yield f"{module} stands in no layer: give it one in LAYERS"
        return
    for line, name in imports(tree, module, is_package):
        there = layer_of(name)
        if there is not None and there > here:
            yield f"{module}:{line} imports {name}, which comes later"


def figures_reach_out(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if not is_in(module, "figures"):
        return
    for line, name in imports(tree, module, is_package):
        ours = any(is_in(name, package) for package in PACKAGES)
        if ours and not any(is_in(name, allowed) for allowed in FIGURES_MAY_IMPORT):
            yield f"{module}:{line} imports {name}; figures read stored results only"


def confined_libraries(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for line, name in imports(tree, module, is_package):
        homes = CONFINED.get(name.split(".")[0])
        if homes and not any(is_in(module, home) for home in homes):
            yield f"{module}:{line} imports {name}, which only {homes} may"


def code_in_data(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for line, name in imports(tree, module, is_package):
        if name.split(".")[0] in CODE_IN_DATA or name == "hydra.utils.instantiate":
            yield f"{module}:{line} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in ("eval", "exec", "builtins.eval"):
            yield f"{module}:{node.lineno} calls {called(node)}"
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("utils.instantiate"):
            yield f"{module}:{node.lineno} uses {ast.unparse(node)}"


def says_target(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if any(is_in(module, home) for home in MAY_SAY_TARGET):
        return
    docs = {id(d) for d in map(docstring_of, ast.walk(tree)) if d is not None}
    for node in ast.walk(tree):
        text = getattr(node, "id", getattr(node, "arg", getattr(node, "value", None)))
        if isinstance(text, str) and "_target_" in text and id(node) not in docs:
            yield f"{module}:{getattr(node, 'lineno', 0)} says _target_"


def docstring_of(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    return first.value if isinstance(first, ast.Expr) else None


def trusting_loads(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in ("np.load", "numpy.load", "jnp.load"):
            said = {k.arg: ast.unparse(k.value) for k in node.keywords}
            if said.get("allow_pickle") != "False":
                yield f"{module}:{node.lineno} np.load without allow_pickle=False"


def long_functions(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{module}:{node.lineno} {node.name} has {length} lines"


Rule = Callable[[ast.AST, str, bool], Iterator[str]]
RULES: tuple[Rule, ...] = (
    arrows_back,
    figures_reach_out,
    confined_libraries,
    code_in_data,
    says_target,
    trusting_loads,
    long_functions,
)


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule):
    problems = [
        problem
        for path in sources()
        for problem in rule(
            ast.parse(path.read_text()), module_name(path), path.name == "__init__.py"
        )
    ]
    assert not problems, "\n".join(problems)


def test_there_is_something_to_check():
    assert {path.relative_to(ROOT).parts[0] for path in sources()} >= {"absorb"}


def test_no_file_is_longer_than_a_reader_holds():
    lengths = {module_name(path): len(path.read_text().splitlines()) for path in sources()}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_config_names_a_class_to_build():
    said = [path for path in (ROOT / "conf").rglob("*.yaml") if "_target_" in path.read_text()]
    assert said == []


def test_no_compiled_code_calls_lapack():
    """Two CPU devices that call it at once may wait for each other for ever: CONTRIBUTING.md."""
    words = re.compile(r"(jnp|jax\.numpy|lax)\.linalg\.(?!norm)|jax\.scipy\.linalg")
    for path in sorted((ROOT / "absorb").rglob("*.py")):
        assert not words.search(path.read_text()), path


def test_hydra_plugins_stays_a_namespace():
    assert not (ROOT / "hydra_plugins" / "__init__.py").exists()


LONG_FUNCTION = "def f():\n" + "    pass\n" * LONGEST_FUNCTION

FORBIDDEN = (
    (arrows_back, "absorb.worlds.digits", "import absorb.train.one"),
    (arrows_back, "absorb.routing.kernels", "from absorb import models"),
    (arrows_back, "absorb.config", "def f():\n    from absorb.worlds import digits"),
    (arrows_back, "absorb.stats.dose", "from ..store import query"),
    (arrows_back, "absorb.measure.ablate", "import_module('sweeps.plan')"),
    (arrows_back, "absorb.store.write", "from sweeps.plan import plan"),
    (arrows_back, "sweeps.app", "import absorb.cli"),
    (arrows_back, "absorb", "from absorb.train import one"),
    (arrows_back, "absorb.newcomer", ""),
    (figures_reach_out, "figures.dose", "from absorb.train import one"),
    (figures_reach_out, "figures.dose", "from sweeps import plan"),
    (confined_libraries, "absorb.train.one", "import hydra"),
    (confined_libraries, "absorb.config", "from omegaconf import OmegaConf"),
    (confined_libraries, "absorb.stats.dose", "import matplotlib.pyplot as plt"),
    (code_in_data, "absorb.store.read", "import pickle"),
    (code_in_data, "absorb.store.read", "from joblib import load"),
    (code_in_data, "absorb.config", "eval('1')"),
    (code_in_data, "absorb.config", "exec('x = 1')"),
    (code_in_data, "sweeps.app", "from hydra.utils import instantiate"),
    (code_in_data, "sweeps.app", "hydra.utils.instantiate(config)"),
    (says_target, "sweeps.app", "config['_target_']"),
    (says_target, "sweeps.app", "dict(_target_='x')"),
    (says_target, "sweeps.app", "_target_: str = 'x'"),
    (trusting_loads, "absorb.worlds.mnist", "np.load(path)"),
    (trusting_loads, "absorb.worlds.mnist", "numpy.load(path, allow_pickle=True)"),
    (long_functions, "absorb.train.one", LONG_FUNCTION),
)


@pytest.mark.parametrize(("rule", "module", "source"), FORBIDDEN)
def test_what_is_forbidden_is_found(rule: Rule, module: str, source: str):
    assert list(rule(ast.parse(source), module, False))


ALLOWED = (
    ("absorb.train.one", "from absorb.models import mlp\nfrom . import step"),
    ("absorb.cli", "def figures():\n    import figures.dose_response"),
    ("figures.dose", "import matplotlib\nfrom absorb.stats import intervals\nfrom . import style"),
    ("absorb.worlds.mnist", "np.load(path, allow_pickle=False)"),
    ("sweeps.app", '"""Refuses `_target_`."""'),
    ("absorb.models.mlp", "model.eval()"),
)


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_what_is_allowed_passes(module: str, source: str):
    assert [p for rule in RULES for p in rule(ast.parse(source), module, False)] == []
