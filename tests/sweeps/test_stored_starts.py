"""Fine-tuning from a stored run, from the command line: found by its id, refused before work."""

from dataclasses import replace

import numpy as np
import pytest

from absorb.cli import main
from absorb.identity import run_id
from absorb.store import Store
from sweeps.app import compose

SMALL = ["model.widths=[8,8]", "routing.units=3", "measure=quick", "train.epochs=2"]
KEPT = [*SMALL, "measure.parameters=true"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fine_tuning_that_hardly_moves_repeats_the_stored_run(here):
    assert main(["train", *KEPT]) == 0
    first = run_id(compose(KEPT))
    tuned = [*SMALL, f"train.start='{first}'", "train.learning_rate=1e-8"]
    assert main(["train", *tuned]) == 0
    store = Store(here / "results", create=False)
    rows = [store.row(run_id(compose(words))) for words in (KEPT, tuned)]
    for name in ("whole.forget", "whole.retain", "raw.forget"):
        assert rows[1][name] == pytest.approx(rows[0][name], abs=1e-4)
    assert store.arrays(first)["chain/out/kernel"].shape == (8, 10)
    assert store.arrays(first)["chain/out/kernel"].dtype == np.float32


def test_another_start_is_another_run():
    config = compose(SMALL)
    ids = {run_id(replace(config, train=replace(config.train, start=s))) for s in ("", "a", "b")}
    assert len(ids) == 3


def test_a_start_that_cannot_serve_is_refused_before_any_work(here, capsys):
    def refused(*words: str) -> str:
        assert main(["sweep", *words]) == 2
        return capsys.readouterr().err

    start = f"train.start='{run_id(compose(SMALL))}'"
    assert "does not exist yet" in refused(*SMALL, start)
    assert main(["train", *SMALL]) == 0
    capsys.readouterr()
    assert "measure.parameters=true (no arrays were kept" in refused(*SMALL, start)
    unknown = refused(*SMALL, f"train.start={'c' * 64}")
    assert "train.start='cccc" in unknown and "no run in" in unknown
    assert main(["train", *KEPT]) == 0
    capsys.readouterr()
    start = f"train.start='{run_id(compose(KEPT))}'"
    narrow = refused(*SMALL, start, "model.widths=[8,7]")
    assert "chain/hidden1/bias has shape (8,), must fit into (7,)" in narrow
    assert len(Store(here / "results", create=False).run_ids()) == 2
