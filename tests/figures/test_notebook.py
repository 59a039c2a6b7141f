"""The notebook loads a store and redraws a figure, run as the plain script that it also is."""

import subprocess
import sys
from pathlib import Path

import pytest
from planted_runs import dose_rows, stored

ROOT = Path(__file__).parents[2]


def printed(store: str | Path, what: str) -> str:
    """What is printed of the notebook's `outputs` and `found` names after it ran on a store."""
    pytest.importorskip("marimo")
    script = (
        f"import runpy, sys; sys.argv = ['notebook', '--store={store}'];"
        "app = runpy.run_path('docs/notebook.py')['app'];"
        "outputs, found = app.run();"
        f"print({what})"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_notebook_runs_on_stored_results():
    out = printed(
        "paper/runs/dynamics_toy", "sorted(found['pages']), len(found['picture'].getvalue())"
    )
    assert "dynamics-toy" in out and int(out.split()[-1]) > 10_000


@pytest.mark.slow
def test_the_notebook_says_that_there_is_no_figure(tmp_path):
    where = stored(tmp_path / "s", dose_rows(seeds=2, arms=("std",)))
    assert "No finished sweep is here" in printed(where, "outputs[-1].text")
