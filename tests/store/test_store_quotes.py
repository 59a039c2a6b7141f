"""Quotes around a path are read as Hydra reads them."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hypothesis import given
from hypothesis import strategies as st

from absorb.store.quotes import unquoted

ODD = st.text(alphabet="a \\'\"ü,=", max_size=8)
PARSER = OverridesParser.create()


@given(ODD, st.sampled_from(Quote))
def test_what_is_quoted_is_what_hydra_reads(text, quote):
    quoted = QuotedString(text, quote).with_quotes()
    assert unquoted(quoted) == text == PARSER.parse_override(f"store={quoted}").value()


@pytest.mark.parametrize("text", ["", "'", "a'b'", "'a", "'a'b'", "'a\\'", "'a' b", "\"a'"])
def test_a_text_that_is_not_in_quotes_stays_as_it_is(text):
    assert unquoted(text) == text
