"""How the figures of several studies are named."""

from typing import NamedTuple

from figures.page import Page, by_model, pages_of


class Study(NamedTuple):
    rows: list[dict]
    missing: str = ""
    apart: str = ""


def study(model: str, missing: str = "", **settings) -> Study:
    own = {name.replace("__", "."): value for name, value in settings.items()}
    return Study([{"model.kind": model} | own], missing)


def names(*studies, **how) -> list[str]:
    def page(name, _):
        return Page(name, lambda: None, [], "")

    return [page.name for page in pages_of("f", studies, page, lambda *_: "", **how).pages]


def test_figures_are_numbered_where_their_names_are_the_same():
    assert names(study("mlp"), study("toy"), study("mlp")) == ["f", "f-2", "f-3"]
    by_kind = names(study("mlp"), study("toy"), study("mlp"), ending=by_model)
    assert by_kind == ["f-mlp", "f-mlp-2", "f-toy"]


def test_what_is_not_drawn_takes_no_name():
    assert names(study("mlp", "1 of 2 runs"), study("mlp")) == ["f"]


def test_numbered_studies_say_how_they_differ_in_the_order_of_that():
    """The runs of the store come in the order of their ids, which says nothing."""
    rates = (10.0, 2.0, 3.0)
    found = pages_of(
        "f",
        [study("mlp", train__rate=rate, train__epochs=4) for rate in rates],
        lambda name, study: Page(name, lambda: None, [], study.apart),
        lambda study, _: f"found with {study.apart}",
    )
    assert [(page.name, page.caption) for page in found.pages] == [
        ("f", "train.rate=2.0"), ("f-2", "train.rate=3.0"), ("f-3", "train.rate=10.0")
    ]  # fmt: skip
    assert found.headline.startswith("train.rate=2.0\nfound with train.rate=2.0\n")


def test_what_captions_say_anyway_is_not_said_twice():
    found = pages_of(
        "f",
        [study("toy"), study("mlp")],
        lambda name, study: Page(name, lambda: None, [], study.apart),
        lambda *_: "",
        told=lambda study: study.rows[0]["model.kind"],
    )
    assert [(page.name, page.caption) for page in found.pages] == [("f", ""), ("f-2", "")]
