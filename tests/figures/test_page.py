"""How the figures of several studies are named."""

from types import SimpleNamespace

from figures.page import Page, by_model, pages_of


def study(model: str, missing: str = "") -> SimpleNamespace:
    return SimpleNamespace(rows=[{"model.kind": model}], missing=missing)


def names(*studies, **how) -> list[str]:
    def page(name, _):
        return Page(name, lambda: None, [], "")

    return [page.name for page in pages_of("f", studies, page, lambda *_: "", **how).pages]


def test_figures_are_numbered_where_their_names_are_the_same():
    assert names(study("mlp"), study("toy"), study("mlp")) == ["f", "f-2", "f-3"]
    by_kind = names(study("mlp"), study("toy"), study("mlp"), ending=by_model)
    assert by_kind == ["f-mlp", "f-toy", "f-mlp-2"]


def test_what_is_not_drawn_takes_no_name():
    assert names(study("mlp", "1 of 2 runs"), study("mlp")) == ["f"]
