import numpy as np
import pytest
from planted_runs import stored, table
from planted_tokens import GATES, gating_rows

from absorb.errors import AbsorbError
from absorb.stats.intervals import difference_t
from figures.gating import pages
from figures.main import main
from figures.style import styled


def rise(level, gate):
    return (1.0 + 0.5 * GATES.index(gate)) / (1 + level)


def cost(level, gate):
    return 0.1 * GATES.index(gate) + 0.01 * level


def rows(**other):
    return gating_rows(rise, cost=cost, **{"seeds": 4, "levels": 2, "share": 0.4, **other})


def marks(found, panel) -> dict:
    return {m.series: m for m in found.pages[0].marks if m.panel == panel}


def test_every_gate_and_concept_reads_what_was_planted():
    found = pages(table(rows(noise=0.0)), False)
    assert [p.name for p in found.pages] == [
        "gating_elicited_activation", "gating_calibrated_activation",
    ]  # fmt: skip
    part, whole = marks(found, "p = 0.5: localised"), marks(found, "p = 1: localised")
    for i, name in enumerate(("none", "learned", "hard", "none, ablated every 4")):
        assert whole[f"{name}; a topic"].value == pytest.approx(0.5 + 0.25 * i)
        assert part[f"{name}; a topic"].value == pytest.approx(0.4 * (0.5 + 0.25 * i))
        share = marks(found, "p = 0.5: absorbed")[f"{name}; a topic"]
        assert share[3:6] == pytest.approx((0.4, 0.4, 0.4), abs=1e-6)
        price = marks(found, "p = 0.5: cost")[f"{name}; a topic"]
        assert price.value == pytest.approx(0.1 * i + 0.01)
    assert not any(m.drawn for m in marks(found, "p = 1: absorbed").values())


def test_the_cost_is_over_whole_unrouted_networks_without_a_gate_paired_by_seed():
    own = rows(noise=0.1)
    mark = marks(pages(table(own), False), "p = 1: cost")["hard; a word family"]
    family = [r for r in own if r["routing.concept"] == "[0]"]
    hard = [r["calibrated.retain"] for r in family
            if r["gate.kind"] == "hard" and r["routing.label_fraction"] == 1]  # fmt: skip
    plain = [r["whole.retain"] for r in family if r["routing.arm"] == "capacity"]
    assert mark[3:7] == pytest.approx(difference_t(np.array(hard), np.array(plain))[:4])


def test_a_region_that_is_opened_to_data_it_never_saw_is_no_gain_by_ablation():
    own = rows(noise=0.0)
    for row in own:
        row["whole.retain"] += 0.5 if row["gate.kind"] == "hard" else 0.0
    found = marks(pages(table(own), False), "p = 1: cost")
    assert found["hard; a topic"].value == pytest.approx(0.21)


def unrouted(own, up, **gate) -> list[dict]:
    """Unrouted networks of another gate, whose losses are `up` nats above those without one."""
    return [r | {name.replace("__", "."): value for name, value in gate.items()}
            | {"elicited.forget": r["elicited.forget"] + up, "whole.retain": 1.0 + up}
            for r in own if r["routing.arm"] == "capacity"]  # fmt: skip


def test_an_unrouted_network_of_the_same_gate_goes_before_one_without():
    own = rows(noise=0.0)
    learned, ablated = (
        unrouted(own, 0.2, gate__kind="learned"),
        unrouted(own, 0.3, train__ablate_every=4),
    )
    found = pages(table(own, learned, ablated), False)
    at = marks(found, "p = 1: localised")
    assert at["learned; a word family"].value == pytest.approx(1.5 - 0.2)
    assert at["none, ablated every 4; a word family"].value == pytest.approx(2.5 - 0.3)
    assert at["none; a word family"].value == pytest.approx(1.0)
    assert marks(found, "p = 1: cost")["learned; a topic"].value == pytest.approx(0.11)
    assert "with the same gate, or for gate hard with none" in found.pages[0].caption


def test_a_hard_gate_routes_by_itself_and_is_no_unrouted_network():
    own = rows(noise=0.0)
    found = pages(table(own, unrouted(own, 0.2, gate__kind="hard")), False)
    assert marks(found, "p = 1: localised")["hard; a word family"].value == pytest.approx(2.0)


def test_an_unrouted_network_of_a_gate_is_wanted_at_every_concept():
    own = rows()
    found = pages(table(own, unrouted(own, 0.2, gate__kind="learned")[:4]), False)
    assert not found.pages and "a topic, not routed, gate learned has 0 of 4" in found.left_out[0]


def test_on_the_null_intervals_hold_zero():
    null = gating_rows(lambda *_: 0.0, cost=lambda *_: 0.0, key=1)
    found = pages(table(null), False).pages[0].marks
    both = [m for m in found if m.panel.endswith((": localised", ": cost"))]
    assert len(both) == 48 and sum(m.low > 0 or m.high < 0 for m in both) <= 8  # 2.4 expected
    shares = [m for m in found if m.panel == "p = 0.5: absorbed"]
    assert sum(m.drawn for m in shares) <= 4


def test_one_gate_is_no_comparison():
    assert pages(table(rows(gates=GATES[:1])), True).pages == []


def test_an_unfinished_sweep_is_refused_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.save.FORMATS", ())
    where = stored(tmp_path / "s", rows()[:-1])
    with pytest.raises(AbsorbError, match=r"71 of 72 runs, a topic, gate none, ablated every 4"):
        main(["gating", f"store={where}"])
    assert main(["gating", f"store={where}", "partial=true"]) == 0


def test_shares_above_nats_for_each_label_fraction():
    with styled():
        figure = pages(table(rows()), False).pages[0].draw()
    assert [ax.get_ylabel() for ax in figure.axes] == ["absorbed share", "", "localised, nats", ""]


def test_the_null_is_on_every_axis():
    with styled():
        figure = pages(table(rows(gates=GATES[2:])), False).pages[0].draw()
    for ax in figure.axes:
        assert ax.get_xlim()[0] < 0 < ax.get_xlim()[1] and ax.get_ylim()[0] < 0 < ax.get_ylim()[1]
