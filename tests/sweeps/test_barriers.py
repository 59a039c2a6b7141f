"""`absorb barriers`: compares what is missing, says what it does, refuses what it cannot do."""

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from sweep_helpers import FakeEngine

import absorb.lanes.batch
import absorb.measure.pairs
import sweeps.barriers
from absorb.cli import main
from absorb.config import spec_of
from absorb.models import init
from absorb.store import Store
from absorb.train.starts import named, tree_of
from sweeps.provenance import code_text, code_version

ROOT = Path(__file__).parents[2]
SMALL = ["model.widths=[8,8]", "routing.units=3", "measure=quick", "measure.parameters=true"]
# A square of cell 0 makes six pairs: init, order and both differ twice. Levels 2 and 3 of init
# have no partners in order.
SWEEP = [*SMALL, "seeds.init=range(0,4)", "seeds.order=0,1"]


@lru_cache
def start(spec, seed: int) -> dict[str, np.ndarray]:
    return {
        name: np.asarray(leaf) for name, leaf in named(init(spec, jax.random.key(seed))).items()
    }


class Untrained(FakeEngine):
    """Keeps random starts that hang on all seeds."""

    def __call__(self, configs, **options):
        result = super().__call__(configs, **options)
        seeds = [100 * c.seeds.init + 10 * c.seeds.order + c.seeds.labels for c in configs]
        arrays = [start(spec_of(c), s) for c, s in zip(configs, seeds, strict=True)]
        return SimpleNamespace(**vars(result) | {"arrays": arrays})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(absorb.lanes.batch, "train_batch", Untrained())
    return tmp_path


def said(capsys, *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def kept(here) -> list[dict]:
    return Store(here / "results" / "barriers", create=False).table().to_pylist()


def files(here) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in (here / "results").rglob("*") if p.is_file()}


def test_every_pair_is_compared_once_and_the_second_call_does_nothing(here, capsys, monkeypatch):
    said(capsys, "sweep", *SWEEP)
    code, out, _ = said(capsys, "barriers", *SWEEP)
    assert code == 0 and "6 pairs of 4 runs: 0 already there, 6 to do, about " in out
    assert "6 stored in results/barriers" in out
    before = files(here)
    monkeypatch.setattr(absorb.measure.pairs, "compared", None)  # not called again
    code, out, _ = said(capsys, "barriers", *SWEEP)
    assert (code, out) == (0, "6 pairs of 4 runs: 6 already there, nothing to do\n")
    assert files(here) == before
    assert said(capsys, "doctor", "store=results/barriers")[0] == 0


SET_UP = """
import sys
import sweeps.barriers

def seen(devices):
    print("jax" in sys.modules)
    sys.exit()

sweeps.barriers.set_up_devices = seen
sweeps.barriers.barriers(WORDS)
"""


def test_devices_are_set_up_before_jax_is_imported(here, capsys):
    said(capsys, "sweep", *SWEEP)
    script = SET_UP.replace("WORDS", repr(SWEEP))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=120)  # fmt: skip
    assert done.stdout.splitlines()[-1:] == ["False"], done.stderr


def test_a_row_says_what_was_compared_and_what_was_found(here, capsys):
    said(capsys, "sweep", *SWEEP)
    said(capsys, "barriers", *SWEEP)
    runs, rows = Store("results").run_ids(), kept(here)
    assert len(rows) == 6 and {row["pair.shared"] for row in rows} == {3, 5, 1}
    for row in rows:
        assert {row["pair.first"], row["pair.second"]} < runs
        assert (row["status"], row["pair.of"], row["model.widths"]) == ("ok", 6, "[8,8]")
        assert row["barrier.matched.all"] >= 0 and "seeds.init" not in row
        first = Store("results").arrays(row["pair.first"])
        second = Store("results").arrays(row["pair.second"])
        pairs = [(first[name].ravel(), second[name].ravel()) for name in first]
        a, b = (np.concatenate(x).astype(float) for x in zip(*pairs, strict=True))
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert row["cosine.as_is"] == pytest.approx(cosine, rel=1e-9)


def test_pairs_are_by_the_code_of_their_networks_too(here, capsys, monkeypatch):
    other = {"sources": "b" * 64}
    said(capsys, "sweep", *SMALL, "seed=0,1")
    said(capsys, "barriers", *SMALL, "seed=0,1")
    assert {row["code"] for row in kept(here)} == {code_text()}
    with monkeypatch.context() as patch:
        patch.setattr("sweeps.provenance.code_version", lambda: other)
        said(capsys, "sweep", *SMALL, "seed=2,3")
    said(capsys, "barriers", *SMALL, "seed=2,3")
    others = [json.loads(row["code"]) for row in kept(here) if row["code"] != code_text()]
    assert others == [{**code_version(), "networks": [other]}]


def test_a_wider_sweep_does_what_is_missing(here, capsys):
    said(capsys, "sweep", *SMALL, "seed=range(0,6)")
    said(capsys, "barriers", *SMALL, "seed=0,1")
    old = {row["run_id"] for row in kept(here)}
    _, out, _ = said(capsys, "barriers", *SMALL, "seed=range(0,6)")
    assert "3 pairs of 6 runs: 1 already there, 2 to do" in out
    assert old < {row["run_id"] for row in kept(here)} and len(kept(here)) == 3


def test_what_was_stored_before_a_crash_is_not_done_again(here, capsys, monkeypatch):
    said(capsys, "sweep", *SWEEP)
    monkeypatch.setattr(sweeps.barriers, "AT_ONCE", 2)
    compared, calls = absorb.measure.pairs.compared, []

    def breaks(*args, **named):
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("pulled out")
        return compared(*args, **named)

    monkeypatch.setattr(absorb.measure.pairs, "compared", breaks)
    with pytest.raises(RuntimeError, match="pulled out"):
        main(["barriers", *SWEEP])
    assert len(kept(here)) == 2  # a shard of two, and of the next one nothing
    capsys.readouterr()
    _, out, _ = said(capsys, "barriers", *SWEEP)
    assert "6 pairs of 4 runs: 2 already there, 4 to do" in out
    assert len(kept(here)) == 6 and len(calls) == 4 + 4


def test_asked_to_stop_it_stores_what_it_has(here, capsys, monkeypatch):
    class Asked(sweeps.barriers.Stopper):
        """A user who asks after the third pair."""

        looked = 0

        @property
        def asked(self):
            self.looked += 1
            return self.looked > 4

        @asked.setter
        def asked(self, value):
            pass

    said(capsys, "sweep", *SWEEP)
    with monkeypatch.context() as patch:
        patch.setattr(sweeps.barriers, "Stopper", Asked)
        patch.setattr(sweeps.barriers, "AT_ONCE", 4)
        code, out, err = said(capsys, "barriers", *SWEEP)
    assert code == 75 and "the same command goes on" in err and "stored in results" in out
    there = len(kept(here))
    assert 0 < there < 6
    assert f"{there} already there" in said(capsys, "barriers", *SWEEP)[1]
    assert len(kept(here)) == 6


def test_pairs_of_diverged_runs_are_kept_without_numbers(here, capsys, monkeypatch):
    words = [*SMALL, "seed=92,93"]  # the stand-in says that seed 93 diverged
    said(capsys, "sweep", *words)
    monkeypatch.setattr(absorb.measure.pairs, "compared", None)
    assert said(capsys, "barriers", *words)[0] == 0
    (row,) = kept(here)
    assert row["status"] == "diverged" and not any(n.startswith("barrier") for n in row)


def test_a_sweep_that_kept_no_parameters_is_told_the_key(here, capsys):
    words = ["model.widths=[8,8]", "routing.units=3", "measure=quick", "seed=0,1"]
    said(capsys, "sweep", *words)
    code, _, err = said(capsys, "barriers", *words)
    assert code == 2 and "measure.parameters=false" in err and "measure.parameters=true" in err


def test_what_cannot_be_compared_is_refused_before_any_work(here, capsys):
    def refused(*words: str) -> str:
        code, _, err = said(capsys, "barriers", *words)
        assert code == 2 and not (here / "results" / "barriers").exists()
        return err

    assert "store=results: no such directory" in refused(*SWEEP)
    said(capsys, "sweep", *SMALL, "seeds.init=0,1")
    assert "2 of 4 runs are not in store=results; absorb sweep" in refused(*SWEEP)
    assert "2k and 2k + 1 make a pair" in refused(*SMALL, "seed=5")
    toy = ["world=sparse", "model=toy", "measure.parameters=true", "seed=0,1"]
    assert "model.kind=toy: units can be matched of mlp, autoencoder" in refused(*toy)


def test_failed_runs_are_to_be_tried_again_first(here, capsys, monkeypatch):
    monkeypatch.setattr(absorb.lanes.batch, "train_batch", FakeEngine(broken={1}))
    said(capsys, "sweep", *SMALL, "seed=0,1")
    err = said(capsys, "barriers", *SMALL, "seed=0,1")[2]
    assert "1 of 2 runs are not in store=results (1 failed); absorb retry" in err


def test_parameters_come_back_as_the_tree_that_they_were():
    params = {"chain": {"out": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}}, "gate": np.eye(2)}
    back = tree_of(named(params))
    assert jax.tree.structure(back) == jax.tree.structure(params)
    assert all((x is y) for x, y in zip(*map(jax.tree.leaves, (back, params)), strict=True))
