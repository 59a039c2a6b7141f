import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.crossed import crossed

Y = np.arange(12.0).reshape(3, 2, 2)
INIT, ORDER, _ = (index.ravel() for index in np.indices(Y.shape))
INIT = np.array([5, 17, 300])[INIT]
SHUFFLED = np.array([7, 0, 10, 3, 1, 8, 5, 2, 11, 4, 9, 6])


def test_runs_in_any_order_find_their_cells():
    found = crossed(Y.ravel()[SHUFFLED], {"init": INIT[SHUFFLED], "order": ORDER[SHUFFLED]})
    assert found.levels == {"init": (5, 17, 300), "order": (0, 1)}
    assert (np.sort(found.y, axis=2) == Y).all()


def test_a_missing_run_is_named_by_its_cell():
    with pytest.raises(AbsorbError, match="init=300, order=1: 1 runs; must be 2"):
        crossed(Y.ravel()[:-1], {"init": INIT[:-1], "order": ORDER[:-1]})


def test_seeds_for_other_runs_are_refused():
    with pytest.raises(AbsorbError, match="order: 11 levels for 12 runs"):
        crossed(Y.ravel(), {"init": INIT, "order": ORDER[:-1]})
