"""Figures in the widths of the venues: letters that fit, captions left to the page."""

import matplotlib
import pytest

from absorb.errors import AbsorbError
from figures.style import RC, VENUES, WEB, WIDTH_IN, new_figure, styled

WIDTHS_IN = {"web": 7.0, "icml": 6.75, "neurips": 5.5, "iclr": 5.5, "talk": 4.96}


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_has_its_width_and_letters_that_shrink_with_it(venue):
    pytest.importorskip("tueplots")
    with styled(venue):
        figure = new_figure(3.0, "a caption")
        width_in, height_in = figure.get_size_inches()
        letters = {
            n: matplotlib.rcParams[n] for n in RC if n.endswith("size") and "tick.m" not in n
        }
    assert width_in == pytest.approx(WIDTHS_IN[venue], abs=0.01)
    assert [text.get_text() for text in figure.texts] == (["a caption"] if venue == WEB else [])
    for name in ("font.size", "axes.labelsize", "legend.fontsize"):
        assert letters[name] <= RC[name] * width_in / WIDTH_IN + 1e-9
    if venue != WEB:
        assert height_in == pytest.approx(3.0 * width_in / WIDTH_IN)


def test_a_style_ends_with_its_block():
    before = matplotlib.rcParams["font.size"]
    with pytest.raises(AbsorbError), styled("icml"):
        raise AbsorbError("while drawing")
    assert matplotlib.rcParams["font.size"] == before
    assert len(new_figure(3.0, "a caption").texts) == 1
