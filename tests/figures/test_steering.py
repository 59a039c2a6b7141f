import pytest
from planted_runs import table
from planted_tokens import VALUES, gating_rows, granularity_rows

from figures.steering import pages, values_of
from figures.style import styled


def rows(**other):
    return gating_rows(lambda level, gate: 2.0, cost=lambda level, gate: 0.3,
                       **{"seeds": 3, "levels": 2, "noise": 0.0, **other})  # fmt: skip


def line(found, panel, series) -> dict:
    own = [m for m in found.pages[0].marks if (m.panel, m.series) == (panel, series)]
    return {m.at: m.value for m in own}


def test_losses_stand_at_the_value_of_the_gate_they_were_measured_at():
    found = pages(table(rows()), False)
    assert [p.name for p in found.pages] == ["steering"]
    forget = line(found, "a topic: forget", "hard; p = 1")
    assert list(forget) == list(VALUES)
    assert [forget[v] - forget[1.0] for v in VALUES] == pytest.approx([4.0, 2.0, 1.0, 0.0, -2.0])
    half = line(found, "a topic: forget", "hard; p = 0.5")
    assert half[0.0] - half[1.0] == pytest.approx(1.0)
    retain = line(found, "a word family: retain", "learned; p = 1")
    assert retain == pytest.approx({-1: 1.6, 0: 1.3, 0.5: 1.15, 1: 1.0, 2: 1.3})


def test_an_unrouted_network_does_not_move():
    flat = line(pages(table(rows()), False), "a topic: forget", "not routed")
    assert len(flat) == 5 and max(flat.values()) - min(flat.values()) == pytest.approx(0)


def test_the_caption_says_what_the_value_takes_the_place_of():
    said = pages(table(rows()), False).pages[0].caption
    assert "the value overrules the gate" in said and "0 on all others" in said
    plain = [r for r in rows() if r["gate.kind"] == "none"]
    said = pages(table(plain), False).pages[0].caption
    assert "Without a gate 1 is the network as trained." in said and "overrules" not in said


def test_columns_of_other_measures_are_no_values():
    row = {"gate@0.forget": 1.0, "gate@-0.5.retain": 1.0, "gate@1e-05.forget": 1.0,
           "gate@2.forget": None, "gate@3.concepts": [1.0], "gate.kind": "none"}  # fmt: skip
    assert list(values_of(row)) == [-0.5, 0.0, 1e-5]


def test_runs_without_gates_are_not_steered():
    assert pages(table(granularity_rows(levels=1, seeds=1)), True).pages == []


def test_what_lacks_is_named():
    found = pages(table(rows()[:-1]), False)
    assert not found.pages
    assert "47 of 48 runs, a topic, gate none, ablated every 4 at p = 1" in found.left_out[0]


def test_forget_loss_stands_above_retain_loss():
    with styled():
        figure = pages(table(rows()), False).pages[0].draw()
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels == ["forget loss, nats", "", "retain loss, nats", ""]
