import numpy as np
import pytest
from planted_runs import dose_rows, table
from planted_tokens import granularity_rows, measured, settings

from figures.token_runs import (
    common,
    concept_words,
    finished,
    missing,
    paired,
    site_words,
    studies,
    treatments,
)


def run(seed, status="ok", **other):
    return settings(**other) | {"seed": seed, "status": status, "elicited.forget": float(seed)}


def test_only_runs_of_token_worlds_make_studies():
    found = studies(table(dose_rows(seeds=1), [run(0)]), (), lambda row: row["routing.arm"])
    assert [list(study.cells) for study in found] == [["route"]]
    assert studies(table(dose_rows(seeds=1)), (), lambda row: "") == []


def test_runs_that_differ_in_what_is_not_compared_stand_apart():
    found = studies(table([run(0), run(0, model__width=32)]), (), lambda row: "cell")
    assert [study.suffix for study in found] == ["-width_64", "-width_32"]
    (one,) = studies(table([run(0), run(0, model__width=32)]), ("model.width",), lambda row: "cell")
    assert list(one.cells["cell"]) == [0]


def test_paired_losses_are_of_the_seeds_that_all_have_finished():
    a = {s: run(s) for s in (3, 1, 2)}
    b = {s: run(s, status="diverged" if s == 1 else "ok") for s in (1, 2, 3, 4)}
    assert paired(["elicited.forget"] * 2, [a, b]).tolist() == [[2, 3], [2, 3]]
    assert list(finished(b)) == [2, 3, 4]
    assert np.isnan(paired(["absent"], [a])).all()


def test_what_half_of_the_cells_have_is_common():
    assert common([[0.5, 1], [0.5, 1], [0.1, 0.5, 1], [1]]) == [0.5, 1]


def test_missing_runs_are_counted_over_the_wanted_cells():
    (study,) = studies(table([run(0), run(1), run(0, gate__kind="hard")]), ("gate.kind",),
                       lambda row: row["gate.kind"])  # fmt: skip
    assert missing(study, ["none"], str, [0, 1]) == ""
    assert missing(study, ["none", "hard"], str, [0, 1]) == "3 of 4 runs, hard has 1 of 2 seeds"


def test_the_strictest_treatment_comes_first_and_absent_ones_not_at_all():
    rng = np.random.default_rng(0)
    rows = [measured(1, 1, rng, names=("raw", "elicited", "calibrated"))]
    assert treatments(rows) == ["elicited", "calibrated", "raw"]
    assert treatments([{"elicited.forget": None, "elicited.retain": 1.0}]) == []


@pytest.mark.parametrize(
    "concept, words",
    [("[0]", "a word family"), ("[5]", "a trait (the second)"), ("[1,2]", "a topic and a trait")],
)
def test_concepts_of_stories_have_levels(concept, words):
    assert concept_words(settings(routing__concept=concept)) == words
    assert concept_words(settings(routing__concept=concept, world__kind="text")).startswith("conc")


def test_sites_by_kind_and_by_layer():
    assert site_words('["mlp0","mlp1"]') == "mlp"
    assert site_words('["mlp0","mlp1"]', layers=True) == "mlp 0,1"
    assert site_words('["heads1","query_adapter0"]') == "heads+query adapter"


def test_seeds_of_another_sweep_do_not_count():
    rows = granularity_rows(seeds=3, levels=1)
    (study,) = studies(table(rows, [run(seed, routing__concept="[0]") for seed in range(9)]),
                       ("routing.arm", "routing.granularity", "routing.mechanism",
                        "routing.sites", "routing.label_fraction", "routing.degree",
                        "routing.whole_rest"),
                       lambda row: tuple(row[n] for n in ("routing.arm", "routing.granularity",
                                                          "routing.mechanism", "routing.sites",
                                                          "routing.label_fraction")))  # fmt: skip
    assert study.seeds == [0, 1, 2]
