import numpy as np
import pytest

from absorb.errors import AbsorbError
from absorb.stats.dose_equivalent import dose_equivalent
from absorb.stats.nulls import credit_share_depth1, credit_share_depth2
from absorb.stats.point import Settings
from absorb.stats.table import absorption_curves, absorption_table, flat

FRACTIONS = (0.0, 0.1, 0.25, 0.5, 0.9, 0.99, 1.0)
SEEDS = range(8)
N = 500


def law(n):
    return 0.1 + (1 + n / 50.0) ** -0.7


def kept_loss(arm, p, depth):
    """The planted forget loss: K's share of the credit, or what ordinary training leaves."""
    if arm in ("std", "filter"):
        return law((1 - p) * N)
    worth = law(0) - law(N)
    if arm == "hard":
        return law((1 - p) * N)
    if arm in ("placebo", "capacity"):
        kept = 0.5
    else:
        kept = credit_share_depth1(p) if depth == 1 else credit_share_depth2(p, 0.001)
    return law(N) + worth * (1 - kept) ** 2


def table(depth=2, retain_rise=0.0, spread=0.005, seed=0):
    rng = np.random.default_rng(seed)
    cells = [(a, p) for a in ("route", "hard", "filter", "placebo", "std") for p in FRACTIONS]
    cells.append(("capacity", 0.0))
    rows = [(arm, p, s) for arm, p in cells for s in SEEDS]
    level = {s: 0.02 * rng.standard_normal() for s in SEEDS}
    forget = [kept_loss(a, p, depth) + level[s] for a, p, s in rows]
    retain = [0.3 + level[s] + retain_rise * (a == "route") for a, p, s in rows]
    noise = lambda: spread * rng.standard_normal(len(rows))  # noqa: E731
    return {
        "routing.arm": np.array([a for a, _, _ in rows]),
        "routing.label_fraction": np.array([p for _, p, _ in rows]),
        "seed": np.array([s for _, _, s in rows]),
        "status": np.array(["ok"] * len(rows), dtype=object),
        "forget_train_count": np.full(len(rows), N),
        "whole.forget": forget + noise(),
        "whole.retain": retain + noise(),
        "calibrated.forget": forget + noise(),
        "calibrated.retain": retain + noise(),
        "elicited.forget": forget + noise(),
        "elicited.retain": retain + noise(),
    }


def find(records, arm, p):
    return next(r for r in records if (r.arm, r.label_fraction) == (arm, p))


@pytest.fixture(scope="module")
def columns():
    return table()


@pytest.fixture(scope="module")
def records(columns):
    return absorption_table(columns)


def rows_of(columns, arm, p):
    picked = (columns["routing.arm"] == arm) & (columns["routing.label_fraction"] == p)
    return np.flatnonzero(picked)


def test_one_record_per_arm_and_fraction_with_every_treatment_the_table_has(records):
    assert len(records) == 5 * len(FRACTIONS) + 1
    assert all([t.treatment for t in r.treated] == ["calibrated", "elicited"] for r in records)
    assert all(r.finished == r.seeds == 8 and r.diverged == r.failed == 0 for r in records)


def test_planted_shares_come_back_with_their_worth(records):
    point = find(records, "route", 0.25).treated[0]
    assert point.worth.value == pytest.approx(law(0) - law(N), abs=0.01)
    kept = credit_share_depth2(0.25, 0.001)
    assert point.kept.value == pytest.approx(1 - (1 - kept) ** 2, abs=0.02)
    assert find(records, "filter", 1.0).treated[0].kept.value == pytest.approx(0, abs=0.02)
    assert find(records, "std", 0.0).treated[0].kept[:3] == pytest.approx((1, 1, 1))


def test_filter_reads_zero_and_full_labels_have_no_dose(records):
    for p in (0.1, 0.25, 0.5, 0.9):
        assert not find(records, "filter", p).treated[0].a_dose.excludes(0)
    assert "label fraction 1" in find(records, "route", 1.0).treated[0].a_dose.why
    assert np.isnan(find(records, "std", 0.5).treated[0].a_dose.value)


def test_the_dose_of_the_table_is_that_of_the_matrices(columns, records):
    doses = list(reversed(FRACTIONS))
    loss = columns["elicited.forget"]
    std_SG = np.stack([loss[rows_of(columns, "std", p)] for p in doses], axis=1)
    n_G = (1 - np.array(doses)) * N
    expected = dose_equivalent(loss[rows_of(columns, "route", 0.5)], std_SG, n_G, 0.5, N)
    assert find(records, "route", 0.5).treated[1].a_dose == expected.a_dose


def test_full_labels_read_one_and_hard_zero_in_ablation_absorption(records):
    point = find(records, "route", 0.25).treated[0]
    hard, full = kept_loss("hard", 0.25, 2), kept_loss("route", 1.0, 2)
    planted = (kept_loss("route", 0.25, 2) - hard) / (full - hard)
    assert not point.a_abl.excludes(planted) and point.a_abl.bounded
    assert point.over_hard.value == pytest.approx(kept_loss("route", 0.25, 2) - hard, abs=0.01)
    assert np.isnan(find(records, "hard", 0.25).treated[0].a_abl.value)


def test_absorption_is_claimed_at_depth_two_and_not_for_placebo(columns, records):
    assert find(records, "route", 0.25).treated[0].absorbs.claim
    for p in (0.1, 0.25, 0.5):
        placebo = find(records, "placebo", p).treated[0]
        assert not placebo.absorbs.claim and not placebo.excess.low > 0
    route, placebo = (
        next(c for c in absorption_curves(columns) if (c.arm, c.treatment) == (arm, "calibrated"))
        for arm in ("route", "placebo")
    )
    assert set(route.absorbs_at) >= {0.25, 0.5} and route.tested_at == FRACTIONS[1:-1]
    assert placebo.absorbs_at == () and placebo.p50.censored == "above"
    assert 0.1 < route.p50.value < 0.3


def test_on_the_null_nothing_is_claimed_with_a_link_for_losses_but_is_with_the_linear_one():
    columns = table(depth=1, spread=0.001)
    for link, silent in (("convex", True), ("squared", True), ("linear", False)):
        records = absorption_table(columns, Settings(link=link))
        claims = [t.absorbs.claim for r in records for t in r.treated]
        assert silent != any(claims)


def test_the_fractions_tested_share_one_error_rate():
    many = table(spread=0.08, seed=1)
    single = {
        k: v[np.isin(many["routing.label_fraction"], (0.0, 0.1, 1.0))] for k, v in many.items()
    }
    among_five, alone = (find(absorption_table(c), "route", 0.1).treated[0] for c in (many, single))
    assert among_five.excess == alone.excess and among_five.over_placebo == alone.over_placebo
    assert alone.excess.low > 0 and alone.over_placebo.low > 0
    assert alone.absorbs.claim and not among_five.absorbs.claim


def test_what_hurts_both_alike_is_damage_however_much_it_hurts():
    records = absorption_table(table())
    point = find(records, "route", 0.25).treated[0]
    rise = point.forget.value - find(records, "std", 0.0).treated[0].forget.value
    retain = find(records, "std", 0.0).treated[0].retain.value
    assert point.damage.tolerance == pytest.approx(0.1 * max(rise, retain))


def test_a_damaged_network_makes_no_claim():
    records = absorption_table(table(retain_rise=0.5))
    point = find(records, "route", 0.25).treated[0]
    assert point.excess.low > 0 and point.damage.damaged and not point.absorbs.claim
    assert "damage" in point.absorbs.why
    assert not find(records, "placebo", 0.25).treated[0].damage.damaged


def test_diverged_and_failed_runs_are_counted_and_only_shared_seeds_used(columns):
    broken = dict(columns, status=columns["status"].copy())
    broken["status"][rows_of(columns, "route", 0.25)[[2, 5]]] = "diverged"
    broken["status"][rows_of(columns, "hard", 0.25)[5]] = "failed"
    broken["status"][rows_of(columns, "hard", 0.25)[6]] = "failed"
    records = absorption_table(broken)
    record, hard = find(records, "route", 0.25), find(records, "hard", 0.25)
    assert (record.finished, record.diverged, record.failed, record.seeds) == (6, 2, 0, 8)
    assert (hard.finished, hard.diverged, hard.failed) == (6, 0, 2)
    point = record.treated[0]
    assert (point.forget.n, point.over_hard.n, point.kept.n) == (6, 5, 6)
    assert next(c for c in absorption_curves(broken) if c.arm == "route").p50.n == 6


def test_pairing_is_by_seed_and_not_by_order(columns, records):
    order = np.random.default_rng(3).permutation(len(columns["seed"]))
    shuffled = {name: column[order] for name, column in columns.items()}
    for again, record in zip(absorption_table(shuffled), records, strict=True):
        assert repr(again) == repr(record)


def test_whole_losses_stand_beside_the_treated_ones(records, columns):
    record = find(records, "filter", 1.0)
    assert record.whole_forget.value == pytest.approx(law(0), abs=0.03)
    assert record.whole_retain.value == pytest.approx(0.3, abs=0.03)
    bare = {k: v for k, v in columns.items() if not k.startswith("whole")}
    assert "whole.forget" in absorption_table(bare)[0].whole_forget.why


def test_a_loss_that_is_not_finite_makes_its_measures_undefined_and_is_named(columns):
    broken = dict(columns, **{"calibrated.forget": columns["calibrated.forget"].copy()})
    broken["calibrated.forget"][rows_of(columns, "route", 0.25)[0]] = np.nan
    point = find(absorption_table(broken), "route", 0.25).treated[0]
    assert np.isnan(point.kept.value) and "1 of 8" in point.kept.why and not point.absorbs.claim


def test_missing_arms_are_named(columns):
    keep = ~np.isin(columns["routing.arm"], ("hard", "placebo"))
    point = find(absorption_table({k: v[keep] for k, v in columns.items()}), "route", 0.25).treated[
        0
    ]
    assert "hard at 0.25" in point.a_abl.why and "placebo at 0.25" in point.over_placebo.why
    assert not point.absorbs.claim and np.isfinite(point.a_dose.value)


def test_filter_stands_in_for_std_at_the_ends(columns):
    keep = columns["routing.arm"] != "std"
    point = find(absorption_table({k: v[keep] for k, v in columns.items()}), "route", 0.25).treated[
        0
    ]
    assert np.isfinite(point.kept.value) and "fewer than two doses" in point.a_dose.why


def test_mistakes_in_the_table_are_refused(columns):
    with pytest.raises(AbsorbError, match="status"):
        absorption_table({k: v for k, v in columns.items() if k != "status"})
    with pytest.raises(AbsorbError, match="two runs of capacity"):
        absorption_table({k: np.append(v, v[-1]) for k, v in columns.items()})
    with pytest.raises(AbsorbError, match="nonsense"):
        absorption_table(
            dict(columns, **{"routing.arm": np.full(len(columns["seed"]), "nonsense")})
        )
    counts = columns["forget_train_count"].copy()
    counts[0] = 7
    with pytest.raises(AbsorbError, match="forget_train_count"):
        absorption_table(dict(columns, forget_train_count=counts))


def test_a_flat_row_has_plain_values_under_dotted_names(records, columns):
    row = flat(find(records, "route", 0.25))
    assert row["arm"] == "route" and row["calibrated.a_dose.n"] == 8
    assert row["elicited.damage.rise.low"] < row["elicited.damage.rise.high"]
    assert all(isinstance(v, float | int | str | bool) for v in row.values())
    assert len({tuple(flat(r)) for r in records}) == 1
    assert flat(absorption_curves(columns)[1])["tested_at"] == "0.1 0.25 0.5 0.9 0.99"


def mislabelled(columns, rate=0.5):
    """The same losses, said to be of twice the label fraction, half of whose labels are lost."""
    std = columns["routing.arm"] == "std"
    p = np.where(std, columns["routing.label_fraction"], columns["routing.label_fraction"] / rate)
    lost = np.where(std, 0.0, rate)
    return {name: np.asarray(column)[p <= 1] for name, column in columns.items()} | {
        "routing.label_fraction": p[p <= 1], "routing.false_negative": lost[p <= 1]
    }  # fmt: skip


def test_measures_take_the_share_that_is_labelled_not_the_one_asked_for(columns, records):
    noisy = absorption_table(mislabelled(columns))
    for arm in ("filter", "route"):
        clean, own = (find(r, arm, p).treated[0] for r, p in ((records, 0.25), (noisy, 0.5)))
        assert own.a_dose == clean.a_dose and own.n_eq == clean.n_eq
        assert own.excess == clean.excess and own.excess_linear == clean.excess_linear
    assert abs(find(noisy, "filter", 1.0).treated[0].a_dose.value) < 0.1


def test_filter_that_keeps_some_of_the_concept_is_not_one_that_never_saw_it(columns):
    noisy = mislabelled({n: c[columns["routing.arm"] != "std"] for n, c in
                         {n: np.asarray(c) for n, c in columns.items()}.items()})  # fmt: skip
    assert "std at 1" in find(absorption_table(noisy), "route", 0.5).treated[0].kept.why


@pytest.mark.parametrize("name", ["false_negative", "false_positive"])
def test_noisy_labels_have_no_placebo_and_carry_no_claim(columns, name):
    routed = np.isin(columns["routing.arm"], ("route", "hard", "filter"))
    noisy = dict(columns) | {f"routing.{name}": np.where(routed, 0.1, 0.0)}
    found = find(absorption_table(noisy), "route", 0.25).treated[0]
    assert "labels are noisy" in found.over_placebo.why
    assert not found.absorbs.claim and "undefined against placebo" in found.absorbs.why
