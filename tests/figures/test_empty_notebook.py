"""The notebook on a store from which nothing can be drawn."""

import subprocess
import sys
from pathlib import Path

import pytest
from planted_runs import dose_rows, stored

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_notebook_says_that_there_is_no_figure(tmp_path):
    pytest.importorskip("marimo")
    where = stored(tmp_path / "s", dose_rows(seeds=2, arms=("std",)))
    script = (
        f"import runpy, sys; sys.argv = ['notebook', '--store={where}'];"
        "app = runpy.run_path('docs/notebook.py')['app'];"
        "outputs, found = app.run();"
        "print(outputs[-1].text)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          timeout=300)  # fmt: skip
    assert "No finished sweep is here" in done.stdout, done.stderr
