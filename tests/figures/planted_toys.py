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


def noisy(w_MF: np.ndarray, key: int, scale: float = 0.02) -> np.ndarray:
    """The same weights, a little off."""
    return w_MF + scale * np.random.default_rng(key).standard_normal(w_MF.shape)


def intro_rows(seeds=4, best=3) -> list[dict]:
    """Five features in the plane: two orthogonal, then a square, then a pentagon; noisy seeds.

    Seed `best` has the least loss and the very frames; seed 0 has a triangle and a digon's place.
    """
    rows = []
    for i, p in enumerate(20.0 ** -np.linspace(0, 1, 10)):
        ideal = kgon(5, 5, 1.17, turn=0.3)
        if i < 7:
            ideal = kgon(5, 4, turn=0.2)
        if i < 3:
            ideal = side_by_side(np.ones((1, 1)), np.ones((1, 1)), np.zeros((0, 3)))
        for seed in range(seeds):
            w_MF = ideal if seed == best else noisy(ideal, 10 * i + seed)
            w_MF = kgon(5, 3) if seed == 0 else w_MF
            loss = (0.05 if seed == best else 0.06 + 0.001 * seed) * float(p)
            rows.append(toy_row(w_MF, seed, loss, world__active=float(p), world__importance=0.9))
    return rows


def sweep_rows(features=20, m=5, importance=0.7, active=(1.0, 0.1, 0.01), seeds=3) -> list[dict]:
    """More features than dimensions: m alone when dense, then a growing share in digons.

    The higher the seed, the lower the loss; all seeds but the last are noisy. Biases are negative.
    """
    rows = []
    for i, p in enumerate(active):
        pairs = round(m * i / (len(active) - 1))
        ideal = np.zeros((m, features))
        ideal[:, :m] = np.eye(m)
        for k in range(min(pairs, features - m)):
            ideal[m - 1 - k, m + k] = -1.0
        bias_F = -0.1 * (np.linalg.norm(ideal, axis=0) == 0)
        for seed in range(seeds):
            w_MF = ideal if seed == seeds - 1 else noisy(ideal, 100 * i + seed, 0.01)
            rows.append(
                toy_row(w_MF, seed, 0.1 * p - 0.001 * p * seed, bias_F, world__active=p,
                        world__importance=importance)
            )  # fmt: skip
    return rows


def tetrahedron() -> np.ndarray:
    """Four features in three dimensions: shape (3, 4)."""
    return np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1.0]]) / np.sqrt(3)


def antiprism() -> np.ndarray:
    """The tight square antiprism, eight features in three dimensions: shape (3, 8)."""
    angle = np.pi / 4 * np.arange(8)
    flat = np.sqrt(2 / 3) * np.stack([np.cos(angle), np.sin(angle)])
    return np.vstack([flat, (-1.0) ** np.arange(8) / np.sqrt(3)])


def filled(blocks: list[np.ndarray], m: int, features: int) -> np.ndarray:
    """The frames side by side in m dimensions; the features that are left are dropped."""
    packed = side_by_side(*blocks)
    w_MF = np.zeros((m, features))
    w_MF[: len(packed), : packed.shape[1]] = packed
    return w_MF


def geometry_rows(features=200, m=20, points=20, seeds=3) -> list[dict]:
    """From singles over digons to triangles, tetrahedra and pentagons as features get rarer.

    The last seed has the least loss and the very frames, the others a feature less.
    """
    one = np.ones((1, 1))
    stages = [[one] * m, [one] * (m // 2) + [digons(1)] * (m // 2), [digons(1)] * m]
    stages += [[digons(1)] * (m - 8) + [kgon(3, 3)] * 4, [digons(1)] * (m - 8) + [kgon(5, 5)] * 4]
    stages += [[tetrahedron()] * 2 + [kgon(5, 5, 1.1)] * ((m - 9) // 2) + [antiprism()]]
    rows = []
    for i in range(points):
        p = float(20.0 ** -(i / max(points - 1, 1)))
        ideal = filled(stages[i * len(stages) // points], m, features)
        for seed in range(seeds):
            w_MF = ideal.copy()
            if seed < seeds - 1:
                w_MF[:, seed] = 0.0
            rows.append(toy_row(w_MF, seed, (0.1 - 0.01 * seed) * p, world__active=p))
    return rows
