"""Induced pairs on planted weights: planted rates and claims come back, other studies stay out."""

import numpy as np
import pytest
from planted_runs import dose_rows
from planted_toys import as_table, digons, toy_row

from figures.induced import pages
from figures.induced_draw import looks_of
from figures.style import styled

P = (0.0, 0.5, 1.0)
ACT, PAR = "activation, per example", "parameter, per example"


def network(m: int, order, key: int = 0) -> np.ndarray:
    """Neighbours in `order` opposite, the first two along hidden dimension 0."""
    w_MF = np.zeros((m, 2 * m))
    w_MF[:, list(order)] = digons(m)
    return w_MF


def routed(m=2, seeds=8, hits=None, concept=(0, 1), until=1.0, **other) -> list[dict]:
    """Runs in which the pair is induced in `hits` seeds at each label fraction."""
    hits = {0.0: 2, 0.5: 8, 1.0: 8} if hits is None else hits
    i, j = concept
    rest = [k for k in range(2 * m) if k not in concept]
    together, apart = [i, j, *rest], [rest[0], i, rest[1], j, *rest[2:]]
    return [
        toy_row(
            network(m, together if seed < hits[p] else apart), seed, 0.012 if p == 1 else 0.011,
            routing__mechanism="activation", routing__label_fraction=p, routing__until=until,
            routing__concept=f"[{i}, {j}]",
        )
        | {name.replace("__", "."): value for name, value in other.items()}
        for p in P
        for seed in range(seeds)
    ]  # fmt: skip


def unrouted(m=2, seeds=90, **other) -> list[dict]:
    """Networks that pair at random, the best of them with a loss of .01."""
    rng = np.random.default_rng(m)
    orders = [rng.permutation(2 * m) for _ in range(seeds)]
    return [
        toy_row(
            network(m, order), seed, 0.01 + 0.001 * (seed > 0), routing__arm="capacity", **other
        )
        for seed, order in enumerate(orders)
    ]


def drawn(*blocks):
    found = pages(as_table(*blocks), False)
    marks = {(m.panel, m.series, m.at): m for page in found.pages for m in page.marks}
    return found, marks


def test_the_planted_rate_is_drawn_with_its_exact_interval():
    found, marks = drawn(routed(), unrouted())
    panel = "rate, m = 2, until 1"
    at_0, at_1 = marks[panel, ACT, 0.0], marks[panel, ACT, 1.0]
    assert (at_0.value, at_0.n) == (0.25, 8) and at_0.low < 1 / 3 < at_0.high
    assert at_1.value == 1.0 and at_1.low == pytest.approx(0.025 ** (1 / 8))
    assert marks[panel, "random matching", 0].value == pytest.approx(1 / 3)
    chance = marks[panel, "unrouted", 0]
    assert chance.n == 90 and chance.low < 1 / 3 < chance.high
    assert found.pages[0].name == "induced"


def test_cosine_dimensionality_and_place_of_an_induced_pair():
    _, marks = drawn(routed(), unrouted())
    for what, value in (("cosine", -1.0), ("dimensionality", 0.5), ("region", 1.0)):
        assert marks[f"{what}, m = 2, until 1", ACT, 1.0].value == pytest.approx(value)
    assert marks["cosine, m = 2, until 1", ACT, 0.0].value == pytest.approx(-0.25)


def test_the_loss_is_held_against_the_best_unrouted_network():
    _, marks = drawn(routed(), unrouted())
    panel = "loss, m = 2, until 1"
    assert marks[panel, ACT, 1.0].value == pytest.approx(0.2)
    assert marks[panel, "unrouted", 0].value == pytest.approx(0.1 * 89 / 90)
    _, alone = drawn(routed())
    assert alone[panel, ACT, 1.0].why == "no unrouted runs"


def test_induction_is_claimed_from_the_label_fraction_on_that_it_holds_from():
    falling = routed(hits={0.0: 8, 0.5: 2, 1.0: 3}, routing__mechanism="parameter")
    found, _ = drawn(routed(), falling, unrouted())
    assert f"m = 2, {ACT}: induced from p = 0.5; at p = 1" in found.headline
    assert f"m = 2, {PAR}: not induced" in found.headline
    caption = found.pages[0].caption
    assert f"{ACT} from 0.5 (m = 2)" in caption and f"{PAR} from no p (m = 2)" in caption


def test_a_rate_that_unrouted_networks_reach_too_is_not_induced():
    same = [
        toy_row(network(2, (0, 1, 2, 3)), seed, 0.01, routing__arm="capacity") for seed in range(90)
    ]
    found, _ = drawn(routed(), same)
    assert "not induced" in found.headline and "induced from" not in found.headline


def test_few_unrouted_networks_leave_their_rate_too_uncertain_for_a_claim():
    found, marks = drawn(routed(), unrouted(seeds=4))
    chance = marks["rate, m = 2, until 1", "unrouted", 0]
    assert chance.value < marks["rate, m = 2, until 1", ACT, 1.0].low < chance.high
    assert "induced from" not in found.headline


def test_each_way_of_routing_is_a_line_and_each_size_a_column():
    blocks = [
        routed(m, routing__mechanism=how, routing__granularity=per)
        for m in (2, 3, 5)
        for how in ("activation", "parameter")
        for per in ("example", "component")
    ]
    found, marks = drawn(*blocks, unrouted(3))
    (page,) = found.pages
    assert len({m.series for m in page.marks} - {"unrouted", "random matching"}) == 4
    assert {m.panel for m in page.marks if m.panel.startswith("rate")} == {
        f"rate, m = {m}, until 1" for m in (2, 3, 5)
    }
    assert marks["rate, m = 5, until 1", "random matching", 0].value == pytest.approx(1 / 9)
    assert "No unrouted networks of m = 2, m = 5" in page.caption
    with styled():
        figure = page.draw()
    assert len(figure.axes) == 3 * len({m.panel.split(",")[0] for m in page.marks})


def test_other_settings_of_routing_make_figures_of_their_own():
    narrow = routed(hits={p: 2 for p in P}, routing__weights__retain="[0,1]")
    wide = routed(routing__weights__retain="[1,1]")
    found = pages(as_table(narrow, wide, unrouted()), False).pages
    assert [page.name for page in found] == ["induced-retain_0_1", "induced-retain_1_1"]
    rates = [
        next(m.value for m in page.marks if (m.series, m.at) == (ACT, 1.0) and "rate" in m.panel)
        for page in found
    ]
    assert rates == [0.25, 1.0]


def test_lifting_the_mask_has_a_page_of_its_own_and_says_what_stays():
    early = routed(until=0.25, hits={0.0: 2, 0.5: 4, 1.0: 6})
    found, marks = drawn(routed(), early, unrouted())
    assert [page.name for page in found.pages] == [
        "induced", "induced-until_0.25", "induced_lifted",
    ]  # fmt: skip
    assert marks["rate, m = 2, until 0.25", ACT, 1.0].value == 0.75
    lifted = {m.at: m.value for m in found.pages[2].marks
              if m.series == ACT and m.panel.startswith("rate")}  # fmt: skip
    assert lifted == {0.25: 0.75, 1.0: 1.0}
    assert "at p = 1 with masks lifted at 0.25: 0.750" in found.headline


def test_masks_lifted_at_one_label_fraction_alone_are_drawn_by_the_masked_share():
    early = [row for row in routed(until=0.25) if row["routing.label_fraction"] == 1.0]
    found, _ = drawn(routed(), early, unrouted())
    assert [page.name for page in found.pages] == ["induced", "induced_lifted"]
    with styled():
        figure = found.pages[1].draw()
    assert figure.axes[-1].get_xlabel() == "share of training that is masked"


def test_the_correlated_features_place_is_drawn_beside_that_of_others():
    correlated = {"world__structure": "pairs", "world__group": 2, "world__correlation": 0.9}
    settings = {name.replace("__", "."): value for name, value in correlated.items()}
    absorbed = [row | settings for row in routed(3, concept=(0, 2))]
    for row in absorbed:
        w_MF = np.reshape(row["weights.w"], (3, 6)).copy()
        w_MF[:, 1] = [np.sqrt(0.4), np.sqrt(0.6), 0]
        row["weights.w"] = w_MF.ravel().tolist()
    found, marks = drawn(absorbed, unrouted(3, **correlated))
    share = marks["twins, m = 3, until 1", ACT, 1.0]
    assert share.value == pytest.approx(0.2)  # of 1 and 3: .4 and 0
    assert marks["others, m = 3, until 1", ACT, 1.0].value == pytest.approx(0.0)
    assert marks["rate, m = 3, until 1", "random matching", 0].value == pytest.approx(1 / 4)
    assert "1, 3 correlated with it, never labelled" in found.pages[0].caption


def test_worlds_and_concepts_do_not_mix():
    paired = routed(3, concept=(0, 2), world__structure="pairs", world__group=2)
    found, marks = drawn(routed(3), paired, unrouted(3))
    assert len(found.pages) == 2 and len({page.name for page in found.pages}) == 2
    assert all(m.n in (0, 8, 90) for m in marks.values())
    unrouted_there = [any(m.series == "unrouted" for m in page.marks) for page in found.pages]
    assert sorted(unrouted_there) == [False, True]


def test_an_unfinished_sweep_is_refused_with_its_numbers_unless_partial():
    rows = [*routed(), *unrouted()]
    without_a_point = [*routed(2), *(r for r in routed(3) if r["routing.label_fraction"] != 0.5)]
    for short, words in (
        ([*rows[:3], *rows[4:]], "23 of 24 runs"),
        (without_a_point, "no runs of activation, per example at p = 0.5, m = 3"),
    ):
        left = pages(as_table(short), False)
        assert not left.pages and words in left.left_out[0]
        assert "PARTIAL" in pages(as_table(short), True).pages[0].caption


def test_runs_that_diverged_are_counted_and_left_out():
    rows = routed()
    rows[-1]["status"] = "diverged"
    found, marks = drawn(rows, unrouted())
    assert marks["rate, m = 2, until 1", ACT, 1.0].n == 7
    assert "1 diverged" in found.pages[0].caption


def test_other_experiments_have_no_induced_pair():
    single = routed(concept=(0, 1), routing__concept="[0]")
    assert not pages(as_table(single, unrouted(), dose_rows(seeds=2)), True).pages


def test_no_two_ways_look_alike():
    looks = looks_of([str(i) for i in range(8)]).values()
    assert len({look.marker for look in looks}) == len({look.colour for look in looks}) == 8
    assert len({look.shift for look in looks}) == 8
