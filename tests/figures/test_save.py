"""What a figure's content is, by which it is known whether to draw it again."""

import pytest

from figures import save
from figures.marks import Mark
from figures.page import Page

PAGE = Page("f", lambda: None, [Mark("p", "s", 0.5, 1.0, 0.0, 2.0, 3)], "c")


@pytest.fixture(autouse=True)
def fresh():
    save.code_of_figures.cache_clear()
    yield
    save.code_of_figures.cache_clear()


def content(page=PAGE) -> str:
    return save.content_of(page, "web", ("pdf",))


@pytest.mark.parametrize("package", ["matplotlib", "tueplots"])
def test_a_version_of_what_draws_is_a_part_of_it(package, monkeypatch):
    before = content()
    real = save.version_of
    monkeypatch.setattr(save, "version_of", lambda name: "0.0.1" if name == package else real(name))
    save.code_of_figures.cache_clear()
    assert content() != before


def test_a_package_that_is_not_installed_has_no_version():
    assert save.version_of("no-such-package-of-absorb") == ""


def test_lines_beside_the_marks_are_a_part_of_it():
    line = Mark("boundaries", "line 0", 0.1, 1.0, 1.0, 1.0, 0)
    one, other = (PAGE._replace(lines=[line._replace(at=at)]) for at in (0.1, 0.2))
    assert len({content(), content(one), content(other)}) == 3
