"""How studies of one name are told apart."""

import pytest

from absorb.errors import AbsorbError
from figures.apart import told_apart
from figures.marks import Mark
from figures.page import Page
from figures.save import Gallery


def run(seed=0, **settings) -> dict:
    return {"seed": seed, "seeds.init": seed} | {
        name.replace("__", "."): value for name, value in settings.items()
    }


def study(**settings) -> list[dict]:
    return [run(seed, **settings) for seed in range(3)]


def test_a_name_that_is_there_once_says_enough():
    assert told_apart(["a", "b"], [study(train__rate=2), study(train__rate=1)]) == [
        (0, ""), (1, "")
    ]  # fmt: skip


def test_studies_of_one_name_stand_in_the_order_of_what_tells_them_apart():
    each = [study(train__rate=rate, model__width=8) for rate in (10.0, 9.0)]
    assert told_apart(["a", "b", "a"], [each[0], study(), each[1]]) == [
        (2, "train.rate=9.0"), (0, "train.rate=10.0"), (1, "")
    ]  # fmt: skip


def test_what_a_figure_compares_tells_apart_only_what_nothing_else_does():
    def compared(*values, **settings):
        return [row for value in values for row in study(routing__weight=value, **settings)]

    rates = [compared(1, 2, train__rate=1), compared(1, train__rate=2)]
    assert [words for _, words in told_apart("aa", rates)] == ["train.rate=1", "train.rate=2"]
    weights = [compared(1, 3), compared(1, 2)]
    assert told_apart("aa", weights) == [(1, "routing.weight=1 or 2"), (0, "routing.weight=1 or 3")]


def test_two_marks_at_one_place_are_refused_unless_they_are_dots(tmp_path):
    marks = [Mark("p", "s", 0.5, x, x, x, 1) for x in (1.0, 2.0)]
    gallery = Gallery(tmp_path, "web")._replace(for_print=True)
    with pytest.raises(AbsorbError, match=r"^f: s at 0.5 of 'p' is there twice$"):
        gallery.hang(Page("f", lambda: None, marks, ""))
    assert not list(tmp_path.iterdir())


def test_dots_may_share_a_place(tmp_path, monkeypatch):
    monkeypatch.setattr("figures.save.FORMATS", ())
    marks = [Mark("p", "s", 0.5, x, x, x, 1) for x in (1.0, 2.0)]
    assert len(Gallery(tmp_path, "web").hang(Page("f", lambda: None, marks, "", ("p",)))) == 2
