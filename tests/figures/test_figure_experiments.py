from planted_runs import FRACTIONS, cloud_rows, dose_rows, table

from figures.experiments import comparisons, experiments


def the_one(*blocks):
    (found,) = experiments(table(*blocks))
    return found


def test_a_full_grid_is_whole():
    found = the_one(dose_rows(seeds=3))
    assert (found.missing, found.there, found.wanted) == ("", 78, 78)
    assert found.runs_in_words == "78 runs, 3 seeds, 0 diverged, 0 failed"


def test_a_missing_run_is_counted_and_named():
    rows = [
        row
        for row in dose_rows(seeds=3)
        if (row["routing.arm"], row["routing.label_fraction"], row["seed"]) != ("hard", 0.5, 2)
    ]
    found = the_one(rows)
    assert found.missing == "77 of 78 runs, hard at 0.5 has 2 of 3 seeds"
    assert "77 runs (of 78: PARTIAL)" in found.runs_in_words


def test_a_missing_arm_is_named():
    rows = dose_rows(arms=("route", "filter", "std"))
    assert the_one(rows).missing == "no runs of hard, placebo, capacity"


def test_std_needs_both_its_ends():
    rows = [
        row
        for row in dose_rows(seeds=2)
        if (row["routing.arm"], row["routing.label_fraction"]) != ("std", 1.0)
    ]
    assert the_one(rows).missing == "50 of 52 runs, std at 1 has 0 of 2 seeds"


def test_diverged_and_failed_runs_are_there_and_are_counted():
    rows = dose_rows(seeds=2)
    rows[0]["status"], rows[1]["status"], rows[2]["status"] = "diverged", "failed", "failed"
    found = the_one(rows)
    assert not found.missing
    assert found.runs_in_words == "52 runs, 2 seeds, 1 diverged, 2 failed"


def test_other_experiments_have_no_dose_response():
    assert experiments(table(cloud_rows())) == []
    assert experiments({"run_id": [], "seed": []}) == []
    assert len(experiments(table(cloud_rows(), dose_rows()))) == 1
    assert experiments(table(dose_rows(seeds=1, model__kind="paths"))) == []


def test_models_stand_side_by_side_and_other_settings_apart():
    def of(**other):
        return dose_rows(seeds=2, **other)

    encoder = {"model__kind": "autoencoder", "routing__sites": '["latent"]', "model__widths": "[4]"}
    other = {"routing__mechanism": "parameter"}
    found = comparisons(experiments(table(of(), of(**encoder), of(**other))))
    assert [([e.kind for e in c.experiments], c.suffix) for c in found] == [
        (["mlp", "autoencoder"], "-mechanism_activation"),
        (["mlp"], "-mechanism_parameter"),
    ]
    assert found[1].apart == "routing.mechanism=parameter"


def test_one_comparison_alone_needs_no_suffix():
    (found,) = comparisons(experiments(table(dose_rows(seeds=2))))
    assert (found.suffix, found.apart) == ("", "")


def test_two_models_of_a_kind_stand_apart():
    blocks = dose_rows(seeds=2), dose_rows(seeds=2, model__widths="[16]")
    found = comparisons(experiments(table(*blocks)))
    assert [c.suffix for c in found] == ["-widths_8", "-widths_16"]
    assert all(len(c.experiments) == 1 for c in found)


def test_label_fractions_are_those_of_the_runs():
    assert sorted(set(the_one(dose_rows()).columns["routing.label_fraction"])) == list(FRACTIONS)
