"""Runs in cubes of 2 initialisations × 2 data orders × 2 draws of labels, compared two by two."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from absorb.stats.calibrated import calibrated_pairs
from absorb.stats.functional import disagreement, error_consistency, jensen_shannon
from absorb.stats.over_pairs import pair_table
from absorb.stats.representation import CKA_DEBIASED, nearest, procrustes_similarity
from figures.housed import homes_of, known
from figures.select import Table, plain, row_groups
from figures.token_runs import MECHANISM, Row, ended_badly

FACTORS = ("init", "order", "labels")
EPOCHS = "train.epochs"
SEEDS = tuple(f"seeds.{name}" for name in FACTORS)
FREE = (*SEEDS, EPOCHS, MECHANISM, "routing.arm", "routing.label_fraction")
ROUTED, UNROUTED, UNTRAINED = "routed", "not routed", "not trained"
# what a pair of a cube's runs may share, a bit for each factor: see `shared`
SHARED = {0: "nothing", 1: "labels", 2: "order", 3: "order, labels", 4: "init", 5: "init, labels",
          6: "init, order"}  # fmt: skip
NEIGHBOURS, DRAWS = 10, 39
Cube = Sequence[Row]  # eight runs, of which run 4 i + 2 o + l has init i, order o, labels l


class Study(NamedTuple):
    """The cubes of routed and of unrouted runs, and pairs of random starts."""

    cubes: Mapping[str, Sequence[Cube]]
    starts: Sequence[Sequence[Row]]
    rows: Sequence[Row]
    missing: str
    apart: str = ""  # what tells it from others of its figure


def studies(table: Table) -> list[Study]:
    """Every group of classifiers that keep what they predict, by all settings but their seeds."""
    kept = table.get("kept.probability", ())
    rows = [i for i, value in enumerate(kept) if plain(value) is not None]
    return [study_of(own) for own in row_groups(table, rows, FREE)]


def study_of(rows: Sequence[Row]) -> Study:
    """One group of runs in cubes; only those that ended well are read."""
    done = [row for row in rows if row["status"] == "ok"]
    trained = [row for row in done if row[EPOCHS]]
    split = {
        ROUTED: [row for row in trained if row[MECHANISM] != "none"],
        UNROUTED: [row for row in trained if row[MECHANISM] == "none"],
    }
    cubes = {name: cubes_of(own) for name, own in split.items() if own}
    by_init = {level(row, "init"): row for row in done if not row[EPOCHS]}
    levels = sorted(by_init)
    starts = [[by_init[a], by_init[b]] for a, b in zip(levels[::2], levels[1::2], strict=False)]
    badly = ended_badly(rows)
    bad = f"{len(done)} of {len(rows)} runs ended well{badly}" if len(done) < len(rows) else ""
    return Study(cubes, starts, rows, bad or lacking(cubes, split))


def level(row: Row, factor: str) -> int:
    """The seed of one factor."""
    own = row[f"seeds.{factor}"]
    return int(row["seed"] if own is None else own)


def cubes_of(rows: Sequence[Row]) -> list[Cube]:
    """Whole cubes: levels two by two, the same of all factors."""
    at = {tuple(level(row, factor) for factor in FACTORS): row for row in rows}
    levels = sorted({seed for place in at for seed in place})
    found = []
    for pair in zip(levels[::2], levels[1::2], strict=False):
        places = [(i, o, label) for i in pair for o in pair for label in pair]
        if all(place in at for place in places):
            found.append([at[place] for place in places])
    return found


def lacking(cubes: Mapping[str, Sequence[Cube]], split: Mapping[str, Sequence[Row]]) -> str:
    """What is not there, in words; "" where everything is."""
    for name, own in split.items():
        in_cubes = 8 * len(cubes.get(name, ()))
        if in_cubes < len(own):
            return f"{in_cubes} of {len(own)} runs {name} are in whole cubes"
        if len(cubes.get(name, ())) < 3:
            return f"{len(cubes.get(name, ()))} cubes {name}; 3 or more are needed"
    return ""


def has_cubes(study: Study) -> bool:
    """Whether there are cubes at all, of every kind of run."""
    return bool(study.cubes) and all(study.cubes.values())


def apart(cubes: Sequence[Cube]) -> list[Row]:
    """Runs that share no seed: two of every cube."""
    return [run for cube in cubes for run in (cube[0], cube[-1])]


def shared(a: int, b: int) -> int:
    """Which seeds two of a cube's runs share: bit 4 init, 2 order, 1 labels."""
    return 7 & ~(a ^ b)


def by_sharing(pair_RR: np.ndarray) -> dict[int, float]:
    """The mean over a cube's pairs of runs by what they share."""
    found: dict[int, list[float]] = {share: [] for share in SHARED}
    for a in range(len(pair_RR)):
        for b in range(a):
            found[shared(a, b)].append(float(pair_RR[a, b]))
    return {share: float(np.mean(values)) for share, values in found.items()}


def probability(runs: Sequence[Row]) -> np.ndarray:
    """Predictions (runs, examples, classes)."""
    flat_RK = np.array([run["kept.probability"] for run in runs], float)
    return flat_RK.reshape(len(runs), len(runs[0]["kept.loss"]), -1)


def correct(runs: Sequence[Row]) -> np.ndarray:
    """Whether each example is told right, (runs, examples)."""
    return np.array([run["kept.correct"] for run in runs], float)


def units(runs: Sequence[Row]) -> list[np.ndarray]:
    """Units at the last routed site, (examples, units) for each run."""
    site = json.loads(runs[0]["routing.sites"])[-1]
    examples = len(runs[0]["kept.loss"])
    return [np.array(run[f"kept.site.{site}"], float).reshape(examples, -1) for run in runs]


def same_home(runs: Sequence[Row]) -> np.ndarray:
    """Share of classes that two runs give the same home, of those whose homes are known."""
    home_RC = homes_of(runs, probability(runs).shape[2])
    home_RC = home_RC[:, known(home_RC)]
    return pair_table(lambda i, j: float((home_RC[i] == home_RC[j]).mean()), len(runs))


def rotated(runs: Sequence[Row]) -> np.ndarray:
    """Procrustes similarity, not calibrated."""
    units_R = units(runs)
    return pair_table(lambda i, j: procrustes_similarity(units_R[i], units_R[j]), len(runs))


COMPARISONS: dict[str, Callable[[Sequence[Row]], Any]] = {
    "disagreement": lambda runs: disagreement(probability(runs)),
    "divergence, nats": lambda runs: jensen_shannon(probability(runs)),
    "error consistency κ": lambda runs: error_consistency(correct(runs)),
    "classes of one home": same_home,
    "debiased CKA, calibrated": lambda runs: (
        calibrated_pairs(CKA_DEBIASED, units(runs), DRAWS).score_RR
    ),
    f"{NEIGHBOURS} nearest, calibrated": lambda runs: (
        calibrated_pairs(nearest(NEIGHBOURS), units(runs), DRAWS).score_RR
    ),
    "Procrustes similarity": rotated,
}
