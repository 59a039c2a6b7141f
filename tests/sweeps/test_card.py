"""A model card says what the run can and cannot do, and how to make it again."""

import numpy as np
import pytest
from sweep_helpers import fake_row, request

from absorb.cli import main as absorb
from absorb.identity import flat
from absorb.store import Store
from sweeps.reports import NO_COMMAND, repeat_command


@pytest.fixture
def stored(tmp_path):
    """One run with parameters, one without."""
    store = Store(tmp_path / "s")
    first, second = (
        flat(p.config) | fake_row(p.config) | {"run_id": p.run_id, "whole.forget": 0.25,
         "whole.retain": 0.5, "raw.retain": 0.75, "mean.forget": 1.5}
        for p in request("routing.label_fraction=0.25", "seed=0,1").points
    )  # fmt: skip
    told = {
        "code": "abc|def",
        "git": {"revision": "c"},
        "versions": {"jax": "0.10.2"},
        "device_kind": "cpu",
    }
    arrays = {first["run_id"]: {"dense0/w": np.zeros((3, 4)), "count": np.zeros(())}}
    store.write([first], told, arrays)
    store.write([second], told)
    return store, first["run_id"], second["run_id"]


def test_a_card_has_losses_parameters_command_and_settings(stored, tmp_path, capsys):
    store, run_id, _ = stored
    out = tmp_path / "card.md"
    assert absorb(["card", run_id[:9], f"store={store.root}", f"out={out}"]) == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith(f"# mlp on digits, run {run_id[:12]}\n")
    assert "| the network as it was trained | 0.25 | 0.5 |" in text
    assert text.count("| the region at zero |") == 1 and "at its mean" not in text
    assert "elicited" not in text.split("## Param")[0]
    assert "| dense0/w | 3 × 4 |" in text and "| count | a number |" in text
    assert f"    {repeat_command(store.row(run_id))}\n" in text
    assert "Routed by activation, arm route, concept [8, 9]" in text
    assert '| code | abc\\|def {"revision": "c"} |' in text and "| jax | 0.10.2 |" in text
    assert "| routing.label_fraction | 0.25 |" in text


@pytest.mark.parametrize("arm, ablated", [("std", False), ("filter", False), ("capacity", True)])
def test_an_arm_that_is_measured_whole_says_nothing_of_a_region(arm, ablated, tmp_path, capsys):
    (point,) = request(f"routing.arm={arm}").points
    losses = {f"{t}.{part}": 0.5 for t in ("whole", "raw", "mean", "calibrated")
              for part in ("forget", "retain")}  # fmt: skip
    row = flat(point.config) | fake_row(point.config) | losses | {"run_id": point.run_id}
    batches = [{"device_kind": "cpu", "versions": {"jax": "1"}},
               {"device_kind": "gpu", "versions": {"jax": "1"}}]  # fmt: skip
    Store(tmp_path / "s").write([row], {"code": "a", "extracted": batches})
    assert absorb(["card", point.run_id, f"store={tmp_path / 's'}"]) == 0
    text = capsys.readouterr().out
    assert text.count("the region at") == (3 if ablated else 0)
    assert "output refitted on retain data | 0.5 | 0.5 |" in text
    assert "| device | cpu or gpu |" in text and "| jax | 1 |" in text


def test_a_run_without_parameters_says_so(stored, capsys):
    store, _, run_id = stored
    assert absorb(["card", run_id, f"store={store.root}"]) == 0
    assert "None are stored; `measure.parameters=true` keeps them." in capsys.readouterr().out


@pytest.mark.parametrize(
    "change", [{"routing.false_negative": 1.0}, {"train.nudge": None}, {"routing.arm": "gone"}]
)
def test_a_run_whose_settings_are_refused_today_is_shown_as_it_is_stored(change, tmp_path, capsys):
    (point,) = request("routing.label_fraction=0.25").points
    row = flat(point.config) | fake_row(point.config) | change | {"run_id": "a" * 64}
    row = {name: value for name, value in row.items() if value is not None}
    Store(tmp_path / "s").write([row | {"raw.retain": 0.75}], {"code": "a"})
    where = f"store={tmp_path / 's'}"
    for words in (["show", "aaa"], ["card", "aaa"]):
        assert absorb([*words, where]) == 0
        text = capsys.readouterr().out
        assert NO_COMMAND in text and "absorb train" not in text and "0.75" in text
        for name, value in change.items():
            assert (name in text and str(value) in text) == (value is not None)
    assert absorb(["report", where]) == 0
    page = (tmp_path / "s" / "report.html").read_text(encoding="utf-8")
    assert '"runs":[null]' in page and NO_COMMAND in page


def test_a_mistake_is_refused(stored, capsys):
    store, run_id, _ = stored
    assert absorb(["card", f"store={store.root}"]) == 2
    assert absorb(["card", "zz", f"store={store.root}"]) == 2
    assert absorb(["card", run_id, f"store={store.root}", "out=/nowhere/card.md"]) == 2
    said = capsys.readouterr().err
    assert "beginning of one run's id" in said and "cannot begin a run id" in said
    assert "out=/nowhere/card.md: No such file" in said
