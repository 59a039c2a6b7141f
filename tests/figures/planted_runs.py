"""Stored runs with planted losses, for the tests of the figures."""

import hashlib
import json

import numpy as np

from absorb.store import Store
from figures.cloud_settings import TABLE

FRACTIONS = (0.0, 0.25, 0.5, 0.9, 1.0)
N = 400
TREATMENTS = ("raw", "calibrated", "refit", "elicited")


def law(n):
    return 0.1 + (1 + n / 50.0) ** -0.7


def forget_loss(arm: str, p: float, absorbed: float) -> float:
    """`filter` and `hard` learn from what is left; `route` as if `absorbed` of it were gone."""
    left = (1 - p) * N
    if arm in ("placebo", "capacity"):
        return law(0.5 * N)
    if arm == "route":
        left *= 1 - absorbed if p else 0.5
    return law(left)


def settings(**other) -> dict:
    return {
        "world.kind": "digits",
        "model.kind": "mlp",
        "model.widths": "[8]",
        "routing.concept": "[8,9]",
        "routing.mechanism": "activation",
        "routing.granularity": "example",
        "routing.false_positive": 0.0,
        "routing.sites": '["hidden0"]',
        "routing.units": 2,
        "routing.placement": "slice",
        "routing.cross": False,
        "train.epochs": 1,
    } | {name.replace("__", "."): value for name, value in other.items()}


def dose_rows(seeds=4, absorbed=0.5, retain_rise=0.0, arms=None, key=0, **other) -> list[dict]:
    """Every arm of a dose-response experiment; the routed arms' retain loss is `retain_rise` up."""
    rng = np.random.default_rng(key)
    cells = [(arm, p) for arm in ("route", "hard", "filter", "placebo", "std") for p in FRACTIONS]
    cells = [cell for cell in [*cells, ("capacity", 0.0)] if arms is None or cell[0] in arms]
    level = 0.02 * rng.standard_normal(seeds)
    return [
        settings(**other)
        | {"routing.arm": arm, "routing.label_fraction": p, "seed": seed, "status": "ok"}
        | {f"seeds.{name}": seed for name in ("init", "order", "labels")}
        | {"forget_train_count": N}
        | losses(rng, level[seed], forget_loss(arm, p, absorbed), retain_rise * (arm == "route"))
        for arm, p in cells
        for seed in range(seeds)
    ]


def losses(rng, level: float, forget: float, rise: float) -> dict[str, float]:
    found = {}
    for treatment in ("whole", *TREATMENTS):
        found[f"{treatment}.forget"] = forget + level + 0.004 * rng.standard_normal()
        found[f"{treatment}.retain"] = 0.3 + level + rise + 0.004 * rng.standard_normal()
    return found


def cloud_rows(seeds=4, spread=0.004, swap=(), **other) -> list[dict]:
    """The published table as runs; the settings in `swap` get the numbers of their partner."""
    rng = np.random.default_rng(3)
    partner = {**dict([swap]), **dict([swap[::-1]])} if swap else {}
    rows = []
    for setting in TABLE:
        source = TABLE[partner.get(setting.number, setting.number) - 1]
        for seed in range(seeds):
            noise = spread * rng.standard_normal(4)
            row = settings(model__kind="autoencoder", routing__units=8, **other)
            row |= {"routing.arm": "route", "routing.label_fraction": 1.0, "seed": seed}
            row |= {"status": "ok", **setting.as_run()}
            for error in ("squared", "absolute"):
                row[f"certificate.region.retain.{error}"] = source.published_0_4 + noise[0]
                row[f"certificate.region.forget.{error}"] = source.published_5_9 + noise[1]
                row[f"certificate.rest.retain.{error}"] = 0.1 + noise[2]
                row[f"certificate.rest.forget.{error}"] = 0.2 + noise[3]
            rows.append(row)
    return rows


def table(*blocks: list[dict]) -> dict[str, list]:
    """Rows as one table with the columns of all, as a store unites them."""
    rows = [row for block in blocks for row in block]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def stored(directory, *blocks: list[dict], code="planted"):
    """A store that holds these rows."""
    store = Store(directory)
    for block in blocks:
        named = [
            {"run_id": hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest(), **row}
            for row in block
        ]
        store.write(named, {"code": code})
    return directory
