"""The notebook loads a store and redraws a figure, run as the plain script that it also is."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_notebook_runs_on_stored_results():
    pytest.importorskip("marimo")
    script = (
        "import runpy, sys; sys.argv = ['notebook', '--store=paper/runs/dynamics_toy'];"
        "app = runpy.run_path('docs/notebook.py')['app'];"
        "outputs, found = app.run();"
        "print(sorted(found['pages']), len(found['picture'].getvalue()))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          timeout=300)  # fmt: skip
    assert "dynamics-toy" in done.stdout, done.stderr
    assert int(done.stdout.split()[-1]) > 10_000
