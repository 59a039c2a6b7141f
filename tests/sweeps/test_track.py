"""Runs mirrored to Weights & Biases: each once, settings as config, offline without a network."""

import sys
from types import ModuleType

import pytest
from sweep_helpers import fake_row, request

from absorb.cli import main as absorb
from absorb.identity import flat
from absorb.store import Store
from sweeps.stored import settings_of
from sweeps.track import measures_of

WORDS = ["routing.label_fraction=0.25", "seed=range(0,3)"]


@pytest.fixture
def store(tmp_path):
    """Three runs, one of which failed."""
    store = Store(tmp_path / "s")
    rows = [
        flat(p.config) | fake_row(p.config) | {"run_id": p.run_id} for p in request(*WORDS).points
    ]
    rows[0] |= {"status": "failed", "error": "no memory"}
    store.write(rows, {"code": "a"})
    return store


def test_settings_and_measures_are_told_apart(store):
    row = next(r for r in store.table().to_pylist() if r["status"] == "ok")
    settings, measures = settings_of(row), measures_of(row | {"x": float("nan"), "y": [1.0]})
    assert settings["routing.label_fraction"] == 0.25 and "raw.forget" not in settings
    assert set(measures) == {"raw.forget", "diverged_step"}


@pytest.mark.slow
def test_offline_each_run_is_mirrored_once(store, monkeypatch, capsys):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["track", "project=absorb-test", f"store={store.root}"]
    assert absorb(words) == 0
    found = list((store.root / "wandb").glob("offline-run-*/*.wandb"))
    finished = store.run_ids(status=("ok",))
    assert {path.stem.removeprefix("run-") for path in found} == {i[:32] for i in finished}
    assert all(b"routing.label_fraction" in path.read_bytes() for path in found)
    assert absorb(words) == 0 and "3 mirrored already or failed" in capsys.readouterr().out
    assert len(list((store.root / "wandb").glob("offline-run-*"))) == 2


def test_what_wandb_refuses_is_said_in_one_line_and_is_not_mirrored(store, monkeypatch, capsys):
    def init(**words):
        raise wandb.UsageError("No API key configured.\nUse `wandb login` to log in.")

    wandb = ModuleType("wandb")
    wandb.Error = type("Error", (Exception,), {})
    wandb.UsageError = type("UsageError", (wandb.Error,), {})
    wandb.init, wandb.Settings = init, dict
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    assert absorb(["track", "project=mine", f"store={store.root}"]) == 2
    assert capsys.readouterr().err == (
        "absorb: project=mine: wandb says: No API key configured. Use `wandb login` to log in.\n"
    )
    assert not list(store.root.glob("wandb/mirrored-*"))


def test_mistakes_are_refused(store, capsys):
    assert absorb(["track", f"store={store.root}"]) == 2
    assert "track takes project=NAME" in capsys.readouterr().err
