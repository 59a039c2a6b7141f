"""The experiments of worlds of tokens as they stand in conf/, with planted losses."""

import numpy as np
import pytest
from planted_runs import table

from absorb.identity import flat
from figures import gating, granularity, leakage, relearning, rivals, steering
from sweeps.app import run_sweeper

TREATMENTS = ("whole", "raw", "calibrated", "elicited")


def planted(experiment) -> list[dict]:
    """A row for every run of an experiment: more of the concept lost where more is labelled."""
    asked = run_sweeper([f"experiment={experiment}"], lambda request: request)
    rng, rows = np.random.default_rng(0), {}
    for run_id, config, _ in asked.points:
        row: dict = flat(config) | {"status": "ok", "forget_train_count": 400}
        p = config.routing.label_fraction
        for name in (*TREATMENTS, *(f"gate@{g:g}" for g in config.measure.gates)):
            row[f"{name}.forget"] = 1 + p + 0.01 * rng.standard_normal()
            row[f"{name}.retain"] = 1 + 0.01 * rng.standard_normal()
        for part in ("forget", "retain", "validation"):
            cells = len(config.measure.attack_rates) * len(config.measure.attack_examples)
            row[f"attack.all.{part}"] = (1 + p + rng.random(5 * cells)).tolist()
        rows[run_id] = row
    return list(rows.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment, modules",
    [
        ("granularity", (granularity,)),
        ("gating", (gating, steering)),
        ("leakage", (leakage,)),
        ("rivals", (rivals, relearning)),
    ],
)
def test_a_whole_experiment_is_drawn_and_one_without_a_run_is_not(experiment, modules):
    rows = planted(experiment)
    for module in modules:
        found = module.pages(table(rows), False)
        assert found.pages and not found.left_out, found.left_out
        assert "PARTIAL" not in found.pages[0].caption
        assert not module.pages(table(rows[1:]), False).pages
