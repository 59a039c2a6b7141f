import math

import pytest
from planted_runs import cloud_rows, dose_rows, table

from absorb.errors import AbsorbError
from absorb.identity import flat
from figures.cloud_settings import COLUMNS, ORDER, TABLE
from figures.cloud_table2 import clouds, pages, verdict
from figures.marks import number
from sweeps.app import run_sweeper


def answers(**planted):
    (found,) = clouds(table(cloud_rows(**planted)))
    return {setting: verdict(found, setting).answer for setting in ORDER}


@pytest.mark.parametrize("experiment", ["cloud_digits", "cloud_table2"])
def test_the_ten_settings_are_those_that_the_experiment_runs(experiment):
    asked = run_sweeper([f"experiment={experiment}", "seed=0"], lambda request: request)
    ran = [tuple(flat(point.config)[name] for name in COLUMNS) for point in asked.points]
    assert ran == [tuple(setting.as_run().values()) for setting in TABLE]


def test_every_ordering_holds_on_the_published_numbers():
    value = {s.number: {"0-4": s.published_0_4, "5-9": s.published_5_9} for s in TABLE}
    for contrasts in ORDER.values():
        for contrast in contrasts:
            assert sum(w * value[s][digits] for w, s, digits in contrast.terms) > 0, contrast.words


def test_the_published_numbers_order_as_published():
    assert set(answers().values()) == {"yes"}


def test_contradicted_orderings_are_said_and_only_those():
    found = answers(swap=(7, 8))
    assert {setting for setting, answer in found.items() if answer == "no"} == {7, 8}
    assert found[2] == "yes"


def test_noise_decides_nothing():
    found = answers(spread=3.0)
    assert "yes" not in found.values()
    assert list(found.values()).count("undecided") >= 8


def test_one_seed_decides_nothing():
    assert set(answers(seeds=1).values()) == {"undecided"}


def test_the_figure_shows_means_over_seeds_beside_the_published():
    rows = cloud_rows(seeds=3)
    page = pages(table(rows), False).pages[0]
    region = [m for m in page.marks if "half meant for 5–9" in m.panel]
    at_1 = {m.series: m for m in region if m.at == 1}
    own = [r["certificate.region.retain.squared"] for r in rows[:3]]
    assert at_1["0-4"].value == pytest.approx(sum(own) / 3) and at_1["0-4"].n == 3
    assert at_1["0-4"].low < at_1["0-4"].value < at_1["0-4"].high
    assert at_1["0-4 published"].value == 0.32 and math.isnan(at_1["0-4 published"].low)


def test_published_values_stand_only_beside_what_was_published():
    found = pages(table(cloud_rows()), False).pages
    with_published = [
        m.panel for page in found for m in page.marks if m.series.endswith("published")
    ]
    assert set(with_published) == {"certificate of the half meant for 5–9, squared error"}


def test_two_worlds_make_two_figures_and_do_not_mix():
    rows = cloud_rows(), cloud_rows(spread=0.02, world__kind="mnist")
    found = pages(table(*rows), False)
    assert [page.name for page in found.pages] == [
        "cloud_table2-digits", "cloud_table2_absolute-digits",
        "cloud_table2-mnist", "cloud_table2_absolute-mnist",
    ]  # fmt: skip
    assert all(m.n <= 4 for page in found.pages for m in page.marks if "published" not in m.series)


def test_settings_beside_the_ten_are_no_part_of_the_table():
    strange = [row | {"train.l1_rest": 0.5} for row in cloud_rows()[:4]]
    (found,) = clouds(table(cloud_rows(), strange))
    assert sum(len(of) for of in found.row_of.values()) == 40


def test_an_unfinished_table_is_left_out_with_its_numbers_unless_partial():
    rows = [row for row in cloud_rows() if row["train.l1_rest"] != 2e-2][:-1]
    left = pages(table(rows), False)
    assert not left.pages
    assert left.left_out == ["digits: 35 of 40 runs, short of settings 6, 10"]
    drawn = pages(table(rows), True)
    assert len(drawn.pages) == 2 and "PARTIAL" in drawn.pages[0].caption
    assert "no finished run" in {m.series: m.why for m in drawn.pages[0].marks}["6 splits"]


def test_the_terminal_reads_the_region_where_settings_are_not_there():
    rows = [row for row in cloud_rows() if row["train.l1_rest"] != 2e-2]
    own = [row["certificate.region.retain.squared"] for row in rows[:4]]
    (line,) = (s for s in pages(table(rows), True).headline.splitlines() if s.startswith("   1  "))
    assert number(sum(own) / 4) in line.split("[")[0]


def test_a_run_that_diverged_is_counted_and_left_out():
    rows = cloud_rows()
    rows[0]["status"] = "diverged"
    (found,) = clouds(table(rows))
    assert "1 diverged" in found.runs and len(found.row_of[1]) == 3 and not found.missing


def test_a_seed_twice_is_refused():
    with pytest.raises(AbsorbError, match="two runs of setting 1 with seed 0"):
        clouds(table(cloud_rows(), cloud_rows()[:1]))


def test_other_experiments_have_no_certificates():
    assert clouds(table(dose_rows())) == []
