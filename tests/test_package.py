"""What a user installs: the wheel's files, the lock, the console script and Hydra's plugin."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("absorb", "sweeps", "conf", "figures", "hydra_plugins")
TRAVELS = (".py", ".yaml", ".html")
HEAVY = ("jax", "jaxlib", "flax", "optax", "matplotlib", "pyarrow", "sklearn", "scipy", "torch")

HELP = """
import sys
from absorb.cli import main
sys.argv = ["absorb", "--help"]
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print("LOADED", *sorted({name.split(".")[0] for name in sys.modules}))
"""

SWEEPERS = """
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
for found in Plugins.instance().discover(Sweeper):
    print(found.__module__, found.__name__)
"""


def run(*command, cwd: Path, **env: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=clean | env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def is_ours(line: str) -> bool:
    """Whether a line of SWEEPERS names a module that lies in this tree."""
    path = ROOT.joinpath(*line.split()[0].split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def tree() -> set[str]:
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*"))
    return {str(path.relative_to(ROOT)) for path in found if path.suffix in TRAVELS}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, so that the checkout stays as it is; no network, no installer."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    junk = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "results", "build", "dist")
    shutil.copytree(ROOT, copy, ignore=junk, dirs_exist_ok=True)
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    run(sys.executable, "-c", build, out, cwd=copy)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_whole_tree_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == tree()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_there(package: str):
    suffix = ".yaml" if package == "conf" else ".py"
    assert any(name.startswith(f"{package}/") and name.endswith(suffix) for name in tree())


def test_the_wheel_leaves_the_plugin_namespace_open(wheel: Path):
    assert "hydra_plugins/__init__.py" not in zipfile.ZipFile(wheel).namelist()


def test_help_loads_nothing_heavy():
    loaded = run(sys.executable, "-c", HELP, cwd=ROOT).stdout.split("LOADED")[-1].split()
    assert "absorb" in loaded
    assert set(loaded) & set(HEAVY) == set()


def test_hydra_finds_our_sweeper(tmp_path: Path):
    found = run(sys.executable, "-c", SWEEPERS, cwd=tmp_path, PYTHONPATH=str(ROOT)).stdout
    assert any(is_ours(line) for line in found.splitlines())


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pinned() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return dict(line.split()[0].split("==") for line in lines if line[0].isalnum())


def test_the_lock_meets_every_dependency():
    extras = project()["optional-dependencies"]
    wanted = project()["dependencies"] + extras["dev"] + extras["paper"]
    locked = pinned()
    for requirement in map(Requirement, wanted):
        assert locked[requirement.name] in requirement.specifier, requirement


def test_the_lock_holds_one_hashed_version_of_each_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(pinned())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--find-links|--index|--extra-index| @ ", text)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory) -> Path:
    """The bin directory of a new environment: the wheel, and this environment's libraries."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    site = run(python, "-c", "import sysconfig as s; print(s.get_path('purelib'))", cwd=home)
    libraries = Path(site.stdout.strip()) / "libraries.pth"
    libraries.write_text(sysconfig.get_path("purelib"))
    return home / "bin"


@pytest.mark.slow
def test_the_wheel_runs_from_any_directory(installed: Path, tmp_path: Path):
    where = run(installed / "python", "-c", "import absorb; print(absorb.__file__)", cwd=tmp_path)
    assert Path(where.stdout).is_relative_to(installed.parent)
    assert "sweep" in run(installed / "absorb", "--help", cwd=tmp_path).stdout


@pytest.mark.slow
@pytest.mark.parametrize("module", ["sweeps", "figures"])
def test_the_wheel_finds_its_other_packages(installed: Path, tmp_path: Path, module: str):
    show = f"import {module}; print(*{module}.__path__)"
    found = run(installed / "python", "-c", show, cwd=tmp_path).stdout
    assert Path(found.split()[0]).is_relative_to(installed.parent)


@pytest.mark.slow
def test_the_wheel_plans_an_experiment_from_its_own_conf(installed: Path, tmp_path: Path):
    store = f"store={tmp_path}/store"
    said = run(installed / "absorb", "plan", "experiment=demo", store, cwd=tmp_path).stdout
    assert "234 runs: 0 already there, 234 to do" in said


@pytest.mark.slow
def test_the_wheel_brings_hydra_its_sweeper(installed: Path, tmp_path: Path):
    found = run(installed / "python", "-c", SWEEPERS, cwd=tmp_path).stdout
    assert any(is_ours(line) for line in found.splitlines())
