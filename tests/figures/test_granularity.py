import numpy as np
import pytest
from planted_runs import stored, table
from planted_tokens import SITES, granularity_rows, ordinary_rows

from absorb.errors import AbsorbError
from absorb.stats.intervals import difference_t
from figures.granularity import pages
from figures.granularity_draw import short
from figures.main import main
from figures.style import styled

SMALL = {"sites": SITES[:1], "mechanisms": ("activation", "update"), "levels": 2}
DECISIONS = ("token", "token by frequency", "batch")


def planted(level, decision, site, mechanism) -> float:
    return {"token": 0.0, "token by frequency": 1.8, "batch": 0.6}[decision] * (1 + level)


def rows(**other) -> list[dict]:
    return granularity_rows(planted, decisions=DECISIONS, seeds=4, **{**SMALL, **other})


def marks(found, panel) -> dict:
    return {m.series: m for m in found.pages[0].marks if m.panel == panel}


def test_without_noise_every_cell_reads_what_was_planted():
    found = pages(table(rows(noise=0.0, share=0.7, cost=0.25)), False)
    topic = marks(found, "a topic: localised")
    assert topic["token by frequency; mlp, activation"][3:6] == pytest.approx((3.6, 3.6, 3.6))
    assert topic["batch; mlp, update"].value == pytest.approx(1.2)
    shares = marks(found, "a word family: absorbed at p = 0.5")
    assert shares["token by frequency; mlp, activation"].value == pytest.approx(0.7)
    assert shares["token by frequency; mlp, activation"].at == 0.5
    costs = marks(found, "a word family: retain cost")
    assert [m.value for m in costs.values()] == pytest.approx([0.25] * 4)


def test_intervals_are_paired_t_over_seeds():
    own = rows(noise=0.1)
    (mark,) = [m for m in pages(table(own), False).pages[0].marks
               if (m.panel, m.series) == ("a topic: localised", "batch; mlp, update")]  # fmt: skip

    def losses(**want):
        return [r["elicited.forget"] for r in own
                if all(r[k.replace("__", ".")] == v for k, v in want.items())]  # fmt: skip

    topic = {"routing__concept": "[1]"}
    full = losses(routing__mechanism="update", routing__label_fraction=1.0, **topic)
    none = losses(routing__arm="capacity", **topic)
    wanted = difference_t(np.array(full), np.array(none))
    assert mark[3:7] == pytest.approx(wanted[:4]) and mark.n == 4


def test_a_share_of_nothing_is_hatched_and_not_a_number():
    found = pages(table(rows()), False)
    nothing = marks(found, "a word family: absorbed at p = 0.5")["token; mlp, activation"]
    assert not nothing.drawn and "not told from 0" in nothing.why


def test_on_the_null_few_cells_localise():
    found = pages(table(granularity_rows(lambda *_: 0.0, cost=0.0, seeds=5)), False)
    both = [m for m in found.pages[0].marks if m.panel.endswith((": localised", ": retain cost"))]
    assert len(both) == 2 * 3 * 2 * 11
    assert sum(m.low > 0 or m.high < 0 for m in both) <= 16  # 6.6 expected of 132


def test_update_masks_stand_where_they_exist_alone():
    names = set(marks(pages(table(rows()), False), "a topic: localised"))
    assert {n for n in names if "update" in n} == {"batch; mlp, update"}
    assert len(names) == 4


def test_networks_in_which_sites_alone_are_routed_have_columns_of_their_own():
    def of(level, decision, site, mechanism):
        return 0.5 if mechanism.endswith("only") else 2.0

    both = ("activation", "parameter", "parameter at sites only")
    own = granularity_rows(of, decisions=DECISIONS, **{**SMALL, "mechanisms": both, "noise": 0.0})
    found = pages(table(own), False)
    topic = marks(found, "a topic: localised")
    assert topic["batch; mlp, parameter"].value == pytest.approx(2.0)
    assert topic["batch; mlp, parameter at sites only"].value == pytest.approx(0.5)
    said = "Activation and parameter at sites only: what touches no cut site"
    assert said in found.pages[0].caption
    with styled():
        ax = found.pages[0].draw().axes[3]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["act", "par,\nsites\nonly", "par"]


def test_each_site_has_label_fractions_of_its_own():
    heads = {**SMALL, "sites": SITES[1:], "fractions": (1.0,)}
    more = granularity_rows(planted, decisions=DECISIONS[:2], seeds=4, **heads)
    found = pages(table(rows(), more), False)
    assert found.pages and not found.left_out
    names = set(marks(found, "a topic: absorbed at p = 0.5"))
    assert names and not any("heads" in name for name in names)
    assert "token; heads, activation" in marks(found, "a topic: localised")
    gone = [r for r in rows() if (r["routing.label_fraction"], r["seed"]) != (0.5, 1)]
    assert not pages(table(gone, more), False).pages


def gathered(own, up, **other) -> list[dict]:
    """Unrouted networks in batches by label: `up` nats above those in shuffled ones, times p."""
    return [
        r | {"routing.granularity": "batch", "routing.label_fraction": p, **other}
        | {"elicited.forget": r["elicited.forget"] + up * p, "elicited.retain": 1.0 + up * p}
        for r in own if r["routing.arm"] == "capacity" for p in (0.5, 1.0)
    ]  # fmt: skip


def test_decisions_by_batch_are_compared_with_an_unrouted_network_in_such_batches():
    own = rows(noise=0.0, share=0.7, cost=0.25)
    found = pages(table(own, gathered(own, 0.2)), False)
    assert not found.left_out and "in the unrouted network as well." in found.pages[0].caption
    whole, retain, part = (
        marks(found, f"a topic: {what}")
        for what in ("localised", "retain cost", "absorbed at p = 0.5")
    )
    assert whole["batch; mlp, update"].value == pytest.approx(1.2 - 0.2)
    assert retain["batch; mlp, update"].value == pytest.approx(0.25 - 0.2)
    assert part["batch; mlp, update"].value == pytest.approx((0.7 * 1.2 - 0.1) / (1.2 - 0.2))
    assert whole["token by frequency; mlp, activation"].value == pytest.approx(3.6)
    assert not any(m.why for m in whole.values())


def test_without_such_a_network_the_tables_say_so():
    found = pages(table(rows()), False)
    assert "where the unrouted network has shuffled batches." in found.pages[0].caption
    why = {name: m.why for name, m in marks(found, "a topic: localised").items()}
    assert "shuffled" in why["batch; mlp, update"] and not why["token; mlp, activation"]


def test_unrouted_networks_in_such_batches_are_wanted_where_there_are_any():
    own = rows()
    partly = [r for r in gathered(own, 0.2) if r["routing.concept"] == "[0]"]
    found = pages(table(own, partly), False)
    assert not found.pages
    assert "a topic, not routed, in batches by label at p = 0.5, region in mlp has 0" in str(
        found.left_out
    )


def test_each_treatment_has_its_page_and_many_columns_a_page_each():
    found = pages(table(rows()), False)
    assert [p.name for p in found.pages] == ["granularity_elicited", "granularity_calibrated"]
    sites = [f'["{kind}{i}"]' for kind in ("mlp", "heads") for i in range(3)]
    wide = pages(table(rows(sites=sites)), False)
    assert [p.name for p in wide.pages[:3]] == [
        "granularity_elicited-localised",
        "granularity_elicited-absorbed_0.5",
        "granularity_elicited-retain_cost",
    ]
    assert "batch; mlp 1, update" in {m.series for m in wide.pages[0].marks}
    text = pages(table([row | {"world.kind": "text"} for row in rows()]), False)
    assert [p.name for p in text.pages] == ["granularity_text_elicited",
                                            "granularity_text_calibrated"]  # fmt: skip


def test_an_unfinished_sweep_is_refused_by_number_and_drawn_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.save.FORMATS", ())
    where = stored(tmp_path / "s", rows()[:-1])
    with pytest.raises(AbsorbError, match=r"71 of 72 runs, a topic, batch, mlp, update at p = 1"):
        main(["granularity", f"store={where}"])
    assert main(["granularity", f"store={where}", "--partial"]) == 0
    text = (where / "figures" / "granularity_elicited.md").read_text()
    assert "71 runs (PARTIAL: 71 of 72" in text


def test_an_unrouted_network_with_the_same_region_is_needed():
    own = [r for r in rows() if (r["routing.arm"], r["routing.concept"]) != ("capacity", "[1]")]
    found = pages(table(own), False)
    assert not found.pages and "a topic, not routed, region in mlp has 0 of 4" in found.left_out[0]
    drawn = marks(pages(table(own), True), "a topic: localised")
    assert "unrouted" in drawn["batch; mlp, update"].why


def test_diverged_runs_are_there_but_not_in_the_mean():
    own = rows(noise=0.0)
    own[-1]["status"], own[-1]["elicited.forget"] = "diverged", 99.0
    found = pages(table(own), False)
    assert marks(found, "a topic: localised")["batch; mlp, update"][3:7:3] == pytest.approx(
        (1.2, 3)
    )
    assert "1 diverged" in found.pages[0].caption


def test_another_sweep_with_the_same_settings_does_not_make_it_look_unfinished():
    more = [r | {"routing.label_fraction": p, "seed": s}
            for p in (0.1, 0.25, 0.5, 0.9, 1.0) for s in range(9) for r in rows()[1:2]]  # fmt: skip
    found = pages(table(rows(), more), False)
    assert found.pages and not found.left_out
    assert {m.n for m in found.pages[0].marks if m.drawn} == {4}


def test_the_drawing_prints_every_number_and_blanks_what_is_not_there():
    page = pages(table(rows(noise=0.0, share=0.7, cost=0.25)), False).pages[0]
    with styled():
        figure = page.draw()
    texts = [t.get_text() for t in figure.axes[0].texts]
    assert texts == ["0", "1.8", ".60", ".60"]  # the panel of the family


@pytest.mark.parametrize(
    "x, text",
    [(0.0, "0"), (-0.004, "0"), (0.126, ".13"), (-0.126, "−.13"), (1.26, "1.3"), (0.997, "1.0"),
     (12.6, "13"), (-0.996, "−1.0")],
)  # fmt: skip
def test_short_numbers(x, text):
    assert short(x) == text


def test_a_retain_loss_is_read_as_a_share_of_ordinary_training():
    own = rows(noise=0.0, cost=0.3)  # retain loss 1.3, which ordinary networks have after 2 of 3
    found = pages(table(own, ordinary_rows(levels=2, seeds=4)), False)
    kept = marks(found, "a topic: training kept")
    assert len(kept) == 4 and not found.left_out
    assert [m.value for m in kept.values()] == pytest.approx([2 / 3] * 4)
    assert "read between 1, 2, 3 epochs" in found.pages[0].caption
    with styled():
        titles = [ax.get_title() for ax in found.pages[0].draw().axes]
    assert "training kept" in titles
    alone = pages(table(own), False).pages[0]
    assert alone.name == found.pages[0].name  # the shorter ordinary networks found no study
    assert not any("training kept" in m.panel for m in alone.marks)


def test_ordinary_networks_of_another_world_say_nothing_about_training():
    other = ordinary_rows(levels=2, seeds=4, world__length=64)
    assert not any("kept" in m.panel for m in pages(table(rows(), other), False).pages[0].marks)
