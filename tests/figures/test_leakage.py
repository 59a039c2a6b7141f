import numpy as np
import pytest
from planted_runs import table
from planted_tokens import law, leakage_rows

from figures.leakage import pages
from figures.leakage_sizes import parameters
from figures.style import styled

SLOW = {"seeds": 4, "fractions": (0, 0.5, 1), "stds": (0, 0.25, 0.5, 0.75, 0.9, 1)}


def leak(width, p) -> float:
    return 0.6 - 0.1 * np.log2(width / 32)


def marks(found, panel, series) -> dict:
    return {m.at: m for m in found.pages[0].marks if (m.panel, m.series) == (panel, series)}


@pytest.fixture(scope="module")
def falling():
    return pages(table(leakage_rows(leak, noise=0.004, **SLOW)), False)


def test_each_size_reads_the_planted_leakage_and_filtering_reads_one(falling):
    for width, truth in ((32, 0.6), (64, 0.5), (128, 0.4)):
        panel = f"2 layers × {width}: leakage"
        routed, filtered = (marks(falling, panel, arm)[0.5] for arm in ("route", "filter"))
        assert routed.value == pytest.approx(truth, abs=0.04)
        assert routed.low < routed.value < routed.high and routed.n == 4
        assert filtered.low <= 1 <= filtered.high
        assert set(marks(falling, panel, "route")) == {0.0, 0.5}  # none at p = 1


def test_with_all_labels_nothing_is_left_to_leak(falling):
    for arm in ("route", "hard", "filter"):
        (found,) = marks(falling, "2 layers × 64: n_eq/N with all labels", arm).values()
        assert found.at == 1 and found.low <= 0 <= found.high and found.high < 0.11
    own = leakage_rows(leak, noise=0.0, **SLOW)
    for row in own:  # the rest learns as much from labelled data as from a tenth of all
        if (row["routing.arm"], row["routing.label_fraction"]) == ("route", 1):
            row["elicited.forget"] += law(40) - law(0)
    (leaks,) = marks(pages(table(own), False), "2 layers × 64: n_eq/N with all labels",
                     "route").values()  # fmt: skip
    assert leaks.value == pytest.approx(0.1, abs=1e-3)


def test_networks_trained_without_the_region_now_and_then_have_a_figure_of_their_own(falling):
    found = pages(table(leakage_rows(leak, train__ablate_every=4, **SLOW)), False).pages[0]
    assert found.name == "leakage_elicited-ablated"
    assert "one step in 4 is trained without the region; after" in found.caption
    assert falling.pages[0].name == "leakage_elicited"
    assert "without the region" not in falling.pages[0].caption


def test_learning_rates_are_said_where_they_differ_by_size(falling):
    own = leakage_rows(leak, train__learning_rate=8e-3, **SLOW)
    assert "DIFFER" not in pages(table(own), False).pages[0].caption
    for row in own:
        row["train.learning_rate"] = 5e-3 if row["model.width"] == 128 else 8e-3
    found = pages(table(own), False).pages
    assert "2 layers × 64 0.008, 2 layers × 128 0.005." in found[0].caption
    assert "DIFFER" not in falling.pages[0].caption


def test_the_slope_is_the_planted_one_per_tenfold_parameters(falling):
    truth = -0.1 / (2 * np.log10(2))  # parameters go with the square of the width
    found = marks(falling, "slope", "route")[0.5]
    assert found.low <= truth <= found.high and found.high < 0
    hard = marks(falling, "slope", "hard")[0.5]
    assert hard.low <= 0 <= hard.high


def test_leakage_stands_against_parameters(falling):
    at = marks(falling, "leakage by parameters", "p = 0.5")
    assert list(at) == [24576.0, 98304.0, 393216.0]  # 12 d² times 2 layers
    assert at[98304.0][3:6] == marks(falling, "2 layers × 64: leakage", "route")[0.5][3:6]


def test_retain_loss_stands_under_it(falling):
    retain = marks(falling, "2 layers × 32: retain loss", "std")
    assert retain[0.0].value == pytest.approx(2.0, abs=0.02)


def test_without_an_effect_of_size_the_slope_holds_zero():
    found = pages(table(leakage_rows(noise=0.01, key=3, **SLOW)), False)
    slope = marks(found, "slope", "route")[0.5]
    assert slope.low <= 0 <= slope.high


def test_parameters_are_those_of_attention_mlp_and_experts():
    row = {"model.width": 8, "model.layers": 3, "model.mlp": 32}
    assert parameters(row) == 3 * (4 * 64 + 2 * 8 * 32)
    more = {"model.experts": 2, "model.expert_width": 5}
    assert parameters(row | more) - parameters(row) == 3 * 2 * 8 * 10


def test_what_lacks_is_named_by_size():
    own = leakage_rows(leak, **SLOW)
    gone = [r for r in own if (r["model.width"], r["routing.arm"], r["seed"]) != (64, "hard", 1)]
    found = pages(table(gone), False)
    assert not found.pages
    assert "2 layers × 64: 57 of 60 runs, hard at 0 has 3 of 4 seeds" in found.left_out[0]
    partly = pages(table(gone), True)
    assert "PARTIAL" in partly.pages[0].caption


def test_filtering_nothing_or_all_is_ordinary_training_and_need_not_be_there():
    own = leakage_rows(leak, **SLOW)
    ends = [
        r for r in own if r["routing.arm"] == "filter" and r["routing.label_fraction"] in (0, 1)
    ]
    assert ends
    without = pages(table([r for r in own if r not in ends]), False)
    assert len(without.pages) == 2 and not without.left_out
    some = pages(table([r for r in own if r not in ends[1:]]), False)
    assert not some.pages and "filter at 0 has 1 of" in some.left_out[0]
    inner = [r for r in own if r["routing.arm"] != "filter" or r["routing.label_fraction"] != 0.5]
    assert not pages(table(inner), False).pages


def test_other_concepts_have_pages_of_their_own():
    other = leakage_rows(leak, routing__concept="[1]", **SLOW)
    found = pages(table(leakage_rows(leak, **SLOW), other), False)
    assert {p.name for p in found.pages} == {
        f"leakage_{t}-concept_{i}" for t in ("elicited", "calibrated") for i in (0, 1)
    }


def test_two_label_fractions_are_no_curve():
    few = {"seeds": 2, "fractions": (0.5, 1)}
    assert pages(table(leakage_rows(leak, **few)), False) == ([], "", [])


def test_every_size_has_a_panel_above_another(falling):
    with styled():
        figure = falling.pages[0].draw()
    titles = [ax.get_title() for ax in figure.axes[:3]]
    assert titles == [f"2 layers × {w}" for w in (32, 64, 128)]
    assert len(figure.axes) == 8


def test_sizes_of_one_width_are_told_apart():
    own = leakage_rows(leak, **SLOW)
    wide = [row | {"model.mlp": 999} for row in own if row["model.width"] == 32]
    page = pages(table([*own, *wide]), False).pages[0]
    titles = {m.panel.split(": ")[0] for m in page.marks if m.panel.endswith(": retain loss")}
    mlp = next(row["model.mlp"] for row in own if row["model.width"] == 32)
    assert {t for t in titles if "× 32" in t} == {
        f"2 layers × 32; model.mlp={n}" for n in (mlp, 999)
    }
    assert "2 layers × 64" in titles
