import numpy as np

from absorb.stats.runs import Cell, Loss, fractions, paired, read_runs

COLUMNS = {
    "routing.arm": np.array(["route"] * 4 + ["hard"] * 3),
    "routing.label_fraction": np.array([0.1] * 4 + [0.1, 0.1, 0.3]),
    "seed": np.array([3, 1, 2, 7, 2, 3, 3]),
    "status": np.array(["ok", "ok", "ok", "diverged", "ok", "ok", "failed"]),
    "forget_train_count": np.array([30, 10, 20, 5, 20, 30, 99]),
    "raw.forget": np.arange(7.0),
}


def test_losses_of_shared_seeds_stand_side_by_side_in_the_order_of_the_seeds():
    runs = read_runs(COLUMNS)
    found = paired(runs, [Loss(Cell(arm, 0.1), "raw.forget") for arm in ("route", "hard")])
    assert found.seeds == (2, 3)
    assert found.loss_LS.tolist() == [[2.0, 0.0], [4.0, 5.0]]


def test_only_finished_runs_count_and_the_others_are_told():
    runs = read_runs(COLUMNS)
    assert fractions(runs, "hard") == (0.1,) and runs.seeds == (1, 2, 3, 7)
    assert runs.diverged[Cell("route", 0.1)] == 1 and runs.failed[Cell("hard", 0.3)] == 1
    assert runs.forget_count == 20.0


def test_no_shared_seed_gives_an_empty_row_per_loss():
    runs = read_runs({name: column[[0, 4]] for name, column in COLUMNS.items()})
    found = paired(runs, [Loss(Cell(arm, 0.1), "raw.forget") for arm in ("route", "hard")])
    assert found.seeds == () and found.loss_LS.shape == (2, 0)
