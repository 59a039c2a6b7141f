"""What an attack of a given budget brings back: the best attempt within it, seen on validation."""

import numpy as np


def flattened(values: list | np.ndarray, rates: int, examples: int) -> np.ndarray:
    """A stored list over rates x examples x looks at the attack in its shape, looks last."""
    return np.asarray(values, float).reshape(rates, examples, -1)


def best_by_steps(validation_AK: np.ndarray, test_AK: np.ndarray) -> np.ndarray:
    """The test loss, for each budget of steps, of the attack that validation says is best.

    Of all attacks A and all checkpoints up to K; shape (K,). Chosen on validation and reported on
    test, so that no minimum is taken over a test curve: the result need not fall. What is not
    finite is never chosen; NaN where nothing is finite.
    """
    validation_AK = np.where(np.isfinite(validation_AK), validation_AK, np.inf)
    chosen = [best(validation_AK[:, : k + 1], test_AK[:, : k + 1]) for k in range(test_AK.shape[1])]
    return np.array(chosen)


def best_by_examples(validation_REK: np.ndarray, test_REK: np.ndarray) -> np.ndarray:
    """The same for each budget of forget examples, at all rates and steps; shape (E,)."""
    validation_REK = np.where(np.isfinite(validation_REK), validation_REK, np.inf)
    chosen = [best(validation_REK[:, : e + 1], test_REK[:, : e + 1])
              for e in range(test_REK.shape[1])]  # fmt: skip
    return np.array(chosen)


def best(validation: np.ndarray, test: np.ndarray) -> float:
    """The test loss where validation is least."""
    place = np.unravel_index(np.argmin(validation), validation.shape)
    return float(test[place]) if np.isfinite(validation[place]) else float("nan")
