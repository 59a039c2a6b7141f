"""Runs of token worlds with planted losses, for the tests of their figures."""

import json

import numpy as np

DECISIONS = ("token", "token by frequency", "span", "sequence", "batch")
SITES = ('["mlp0","mlp1"]', '["heads0","heads1"]')
MECHANISMS = ("activation", "parameter", "update")
NOISE = 0.02


def settings(**other) -> dict:
    return {
        "world.kind": "stories",
        "world.length": 48,
        "model.kind": "transformer",
        "model.layers": 2,
        "model.width": 64,
        "model.heads": 4,
        "model.mlp": 256,
        "model.adapters": "[]",
        "routing.arm": "route",
        "routing.mechanism": "activation",
        "routing.granularity": "sequence",
        "routing.degree": "tags",
        "routing.whole_rest": False,
        "routing.concept": "[0]",
        "routing.label_fraction": 1.0,
        "routing.placement": "added",
        "routing.sites": SITES[0],
        "routing.units": 64,
        "gate.kind": "none",
        "train.ablate_every": 0,
        "train.epochs": 3.0,
        "rival.kind": "none",
        "rival.rate": 0.0,
        "rival.strength": 0.0,
        "measure.treatments": '["whole","raw","calibrated","elicited"]',
        "measure.refit_epochs": 0,
        "forget_train_count": 400,
        "status": "ok",
    } | {name.replace("__", "."): value for name, value in other.items()}


def measured(forget: float, retain: float, rng, noise=NOISE, names=("calibrated", "elicited")):
    """The same loss after every treatment, each with noise of its own."""
    found = {}
    for name in names:
        found[f"{name}.forget"] = forget + noise * rng.standard_normal()
        found[f"{name}.retain"] = retain + noise * rng.standard_normal()
    return found


def granularity_rows(
    rise=lambda level, decision, site, mechanism: 1.0, share=0.6, cost=0.1, seeds=5, levels=3,
    decisions=DECISIONS, sites=SITES, mechanisms=MECHANISMS, fractions=(0.5, 1.0), noise=NOISE,
    key=0, **other,
) -> list[dict]:  # fmt: skip
    """Every cell: `rise` nats above unrouted at p = 1, `share` of that below.

    Parameters that no site cuts are the rest's except by a mechanism "... at sites only".
    """
    rng, rows = np.random.default_rng(key), []
    base_S = 1.5 + 0.1 * rng.standard_normal(seeds)
    for level in range(levels):
        for site in sites:
            for seed in range(seeds):
                own = {"routing.sites": site, "routing.concept": f"[{level}]", "seed": seed}
                none = settings(**other) | own | {"routing.arm": "capacity"}
                none |= {"routing.label_fraction": 0.0}
                rows.append(none | measured(base_S[seed], 1.0, rng, noise))
                for decision in decisions:
                    kind, _, degree = decision.partition(" by ")
                    for mechanism in mechanisms:
                        if mechanism == "update" and decision != "batch":
                            continue
                        name, _, only = mechanism.partition(" at ")
                        whole = rise(level, decision, site, mechanism)
                        for p in fractions:
                            up = whole * (1 if p == 1 else share)
                            row = settings(**other) | own | {"routing.label_fraction": p}
                            row |= {"routing.granularity": kind, "routing.degree": degree or "tags"}
                            row |= {"routing.mechanism": name}
                            row |= {"routing.whole_rest": name != "activation" and not only}
                            rows.append(row | measured(base_S[seed] + up, 1.0 + cost, rng, noise))
    return rows


def ordinary_rows(epochs=(1.0, 2.0, 3.0), levels=3, seeds=5, **other) -> list[dict]:
    """Networks trained on everything, 0.3 nats better on the rest with every epoch."""
    return [
        settings(routing__arm="std", routing__label_fraction=0.0, train__epochs=e, **other)
        | {"routing.concept": f"[{level}]", "seed": seed, "whole.retain": 1.9 - 0.3 * e}
        | measured(1.0 - 0.1 * e, 1.9 - 0.3 * e, np.random.default_rng(seed), 0.0)
        for e in epochs for level in range(levels) for seed in range(seeds)
    ]  # fmt: skip


def attack_lists(curve_K, retain=1.0, kinds=("all",), cells=4, spread=0.05) -> dict:
    """Attack curves of which the first cell of each kind is the best at every checkpoint."""
    found = {}
    for kind in kinds:
        forget_AK = np.asarray(curve_K)[None] + spread * np.arange(cells)[:, None]
        for name, value in (
            ("forget", forget_AK), ("validation", forget_AK + 0.1),
            ("retain", np.full_like(forget_AK, retain)),
        ):  # fmt: skip
            found[f"attack.{kind}.{name}"] = value.ravel().tolist()
    return found


def json_list(*values) -> str:
    return json.dumps(values, separators=(",", ":"))


def law(n):
    """A smooth law of forget loss against the number of forget examples."""
    return 0.5 + 2.0 * (1 + np.asarray(n, float) / 40) ** -0.7


def leakage_rows(
    leak=lambda width, p: 0.3, widths=(32, 64, 128), seeds=5, fractions=(0, 0.25, 0.5, 0.9, 1),
    stds=(0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 1), noise=0.01, key=0, **other,
) -> list[dict]:  # fmt: skip
    """`route` learns `leak` of the unlabelled data outside its region, the others all of it."""
    rng, rows, n = np.random.default_rng(key), [], 400
    for width in widths:
        base_S = 0.05 * rng.standard_normal(seeds)
        for arm in ("route", "hard", "filter", "std"):
            for p in stds if arm == "std" else fractions:
                share = leak(width, p) if arm == "route" else 1.0
                for seed in range(seeds):
                    row = settings(model__width=width, model__mlp=4 * width, **other)
                    row |= {"routing.arm": arm, "routing.label_fraction": float(p), "seed": seed}
                    forget = law(share * (1 - p) * n) + base_S[seed]
                    rows.append(row | measured(forget, 64 / width, rng, noise))
    return rows


GRIDS = {
    "ascent": [(r, s) for r in (1e-4, 1e-3, 1e-2) for s in (0.3, 3.0)],
    "misdirect": [(r, s) for r in (1e-4, 1e-3, 1e-2) for s in (5.0, 50.0)],
    "distil": [(r, s) for r in (1e-4, 1e-3, 1e-2) for s in (0.2, 0.6)],
}
RATES, EXAMPLES, STEPS = (1e-3, 1e-2), (4, 16), 100


def rivals_rows(
    point, seeds=6, fractions=(0.5, 1.0), noise=0.02, key=0, configs=6, curve=None, **other
) -> list[dict]:
    """Every method's grid; `point(method, i, p)` gives (retain, forget after relearning)."""
    rng, rows = np.random.default_rng(key), []
    base_S = 0.1 * rng.standard_normal(seeds)
    attack = {"measure.attack_rates": json_list(*RATES), "measure.attack_steps": STEPS}
    attack |= {"measure.attack_examples": json_list(*EXAMPLES)}
    attack |= {"measure.attack_kinds": '["all"]'}

    def add(method: str, i: int, p: float, **own) -> None:
        retain, forget = point(method, i, p)
        for seed in range(seeds):
            row = settings(**other) | attack | {"routing.label_fraction": p, "seed": seed}
            row |= {name.replace("__", "."): value for name, value in own.items()}
            row |= measured(forget + base_S[seed], retain, rng, noise)
            last = row["elicited.forget"]
            curve_K = (
                [last + up for up in (2.5, 1.5, 0.6, 0.2, 0.0)] if curve is None else curve(last)
            )
            rows.append(row | attack_lists(curve_K))

    for p in fractions:
        for i in range(configs):
            for method in ("route", "hard", "filter"):
                add(method, i, p, routing__arm=method, train__learning_rate=1e-3 * (i + 1))
            for kind, grid in GRIDS.items():
                rate, strength = grid[i]
                add(kind, i, p, routing__arm="rival", rival__kind=kind, rival__rate=rate,
                    rival__strength=strength)  # fmt: skip
            sites = '["query_adapter0","value_adapter0"]'
            add("lora", i, p, routing__sites=sites, model__rank=i + 1,
                model__adapters='["query","value"]', routing__placement="slice")  # fmt: skip
    for p in (0.0, 1.0):
        add("std", 0, p, routing__arm="std")
    return rows


GATES = (("none", 0), ("learned", 0), ("hard", 0), ("none", 4))
VALUES = (-1.0, 0.0, 0.5, 1.0, 2.0)


def gating_rows(
    rise=lambda level, gate: 1.0, share=0.5, cost=lambda level, gate: 0.2, seeds=5, levels=3,
    gates=GATES, fractions=(0.5, 1.0), noise=0.02, key=0, **other,
) -> list[dict]:  # fmt: skip
    """Every gate: `rise` nats at p = 1 and `share` of that below; ablation costs `cost`."""
    rng, rows = np.random.default_rng(key), []
    base_S = 1.5 + 0.1 * rng.standard_normal(seeds)
    for level in range(levels):
        for seed in range(seeds):
            own = {"routing.concept": f"[{level}]", "seed": seed}
            none = (
                settings(**other) | own | {"routing.arm": "capacity", "routing.label_fraction": 0.0}
            )
            rows.append(none | gated(base_S[seed], 0.0, 0.0, rng, noise))
            for gate in gates:
                for p in fractions:
                    up = rise(level, gate) * (1 if p == 1 else share)
                    row = settings(**other) | own | {"routing.label_fraction": p}
                    row |= {"gate.kind": gate[0], "train.ablate_every": gate[1]}
                    rows.append(row | gated(base_S[seed], up, cost(level, gate), rng, noise))
    return rows


def gated(base: float, up: float, cost: float, rng, noise: float) -> dict:
    """Losses of a network whose forget loss ablation raises by `up`, its retain loss by `cost`."""
    found = measured(base + up, 1.0 + cost, rng, noise)
    found |= measured(base, 1.0, rng, noise, names=("whole",))
    for value in VALUES:
        away = 1 - value
        own = measured(
            base + up * away, 1.0 + cost * abs(away), rng, noise, names=(f"gate@{value:g}",)
        )
        found |= own
    return found
