import math

import numpy as np
import pytest
from planted_runs import FRACTIONS, dose_rows, table

from absorb.stats.nulls import null_share
from absorb.stats.table import absorption_table
from figures.experiments import experiments
from figures.measures import MEASURES, TREATMENTS, marks_of


def records_of(**planted):
    (found,) = experiments(table(dose_rows(**planted)))
    return absorption_table(found.columns)


@pytest.fixture(scope="module")
def records():
    return records_of(seeds=6, absorbed=0.9)


def cell(records, arm, p, treatment="calibrated"):
    record = next(r for r in records if (r.arm, r.label_fraction) == (arm, p))
    return next(t for t in record.treated if t.treatment == treatment)


def marks(records, measure, series, treatment="calibrated"):
    found = marks_of(records, "panel", treatment, measure)
    return {m.at: m for m in found if m.series == series}


def test_what_is_drawn_of_filter_is_what_the_table_says_and_about_0(records):
    drawn = marks(records, "a_dose", "filter")
    assert set(drawn) == set(FRACTIONS)
    for p, m in drawn.items():
        said = cell(records, "filter", p).a_dose
        assert str((m.value, m.low, m.high, m.n)) == str(said[:4])
    assert abs(drawn[0.25].value) < 0.15 and drawn[0.25].low < 0 < drawn[0.25].high


def test_the_planted_absorption_is_drawn(records):
    assert marks(records, "a_dose", "route")[0.5].value == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("measure", MEASURES)
def test_every_measure_draws_its_arms_after_every_treatment(records, measure):
    for treatment in TREATMENTS:
        found = marks_of(records, "panel", treatment, measure)
        assert {m.series for m in found} >= set(MEASURES[measure].arms)
        assert all(m.panel == "panel" for m in found)


def test_the_null_follows_its_formula_from_the_share_without_labels(records):
    share = cell(records, "route", 0.0).kept
    for p, m in marks(records, "kept", "null").items():
        assert m.value == pytest.approx(float(null_share(share.value, p, "convex")))
        assert m.low <= m.value <= m.high
    assert marks(records, "kept", "null")[1.0].value == 0


def test_without_the_ends_of_the_scale_there_is_no_share_and_no_null():
    columns = experiments(table(dose_rows(seeds=3)))[0].columns
    kept = np.isin(columns["routing.arm"], ("route", "placebo"))
    bare = absorption_table({name: column[kept] for name, column in columns.items()})
    assert marks(bare, "kept", "null") == {}
    assert all("no finished run" in m.why for m in marks(bare, "kept", "route").values())


def test_the_claim_is_marked_only_where_the_test_makes_it(records):
    claimed = {
        r.label_fraction
        for r in records
        for t in r.treated
        if t.treatment == "calibrated" and t.absorbs.claim
    }
    assert claimed  # the planted absorption is strong
    assert {p for p, m in marks(records, "kept", "route").items() if m.flag == "claim"} == claimed
    assert not any(m.flag == "claim" for m in marks(records, "kept", "placebo").values())
    assert not any(m.flag == "claim" for m in marks(records, "a_dose", "route").values())


def test_damage_is_marked_and_takes_the_claim_away():
    damaged = records_of(seeds=6, absorbed=0.9, retain_rise=0.5)
    assert {m.flag for m in marks(damaged, "kept", "route").values()} == {"damaged"}
    assert {m.flag for m in marks(damaged, "retain", "filter").values()} == {""}


def test_the_tolerance_is_that_of_the_damage_test(records):
    drawn = marks(records, "retain", "tolerance")
    assert set(drawn) == set(FRACTIONS)
    for p, m in drawn.items():
        allowed = cell(records, "route", p).damage.tolerance
        assert m.value == pytest.approx(cell(records, "std", 0.0).retain.value + allowed)


def test_a_treatment_that_was_not_measured_draws_nothing(records):
    assert not [m for m in marks_of(records, "panel", "unheard", "kept") if m.drawn]


def test_undefined_values_keep_their_reason(records):
    (last,) = [m for p, m in marks(records, "a_dose", "route").items() if p == 1]
    assert math.isnan(last.value) and "label fraction 1" in last.why and not last.drawn
