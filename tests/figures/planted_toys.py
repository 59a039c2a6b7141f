"""Stored runs of toy models with planted weights, for the tests of the figures."""

import numpy as np


def kgon(features: int, k: int, length: float = 1.0, turn: float = 0.0) -> np.ndarray:
    """k features on a regular polygon in the plane, the others dropped: shape (2, features)."""
    angle = turn + 2 * np.pi * np.arange(k) / k
    w_MF = np.zeros((2, features))
    w_MF[:, :k] = length * np.stack([np.cos(angle), np.sin(angle)])
    return w_MF


def digons(m: int, turn: float = 0.0) -> np.ndarray:
    """m antipodal pairs (0, 1), (2, 3), ... in m dimensions: shape (m, 2 m)."""
    w_MF = np.zeros((m, 2 * m))
    for i in range(m):
        w_MF[i, 2 * i], w_MF[i, 2 * i + 1] = 1.0, -1.0
    return w_MF


def side_by_side(*blocks: np.ndarray) -> np.ndarray:
    """Frames in spaces of their own: the block matrix."""
    w_MF = np.zeros((sum(len(b) for b in blocks), sum(b.shape[1] for b in blocks)))
    row = column = 0
    for block in blocks:
        w_MF[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return w_MF


def toy_row(w_MF, seed=0, loss=0.1, b_F=None, status="ok", **other) -> dict:
    """One run with these weights; settings by name with __ for the dot."""
    m, f = np.shape(w_MF)
    bias_F = np.zeros(f) if b_F is None else np.asarray(b_F, dtype=float)
    return {
        "model.kind": "toy", "model.hidden": m, "model.tied": True, "model.relu": True,
        "world.kind": "sparse", "world.features": f, "world.active": 0.1,
        "world.importance": 1.0, "world.structure": "independent", "world.group": 1,
        "world.correlation": 0.0, "world.draws": "own",
        "routing.mechanism": "none", "routing.granularity": "example", "routing.arm": "route",
        "routing.concept": "[0]", "routing.label_fraction": 1.0, "routing.units": 1,
        "routing.until": 1.0, "train.lr": 1e-3, "seed": seed,
        "seeds.init": seed, "seeds.order": seed, "seeds.labels": seed,
        "weights.w": np.asarray(w_MF, dtype=float).ravel().tolist(),
        "weights.b": bias_F.tolist(), "whole.loss": loss, "whole.features": [loss] * f,
        "final.loss": loss, "status": status,
    } | {name.replace("__", "."): value for name, value in other.items()}  # fmt: skip


def as_table(*blocks: list[dict]) -> dict[str, list]:
    """Rows as one table with the columns of all; what a run has not is None."""
    rows = [row for block in blocks for row in block]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}
