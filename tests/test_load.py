"""Reading configs: every type and bound, and words that help."""

import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from absorb.config import Config, spec_of
from absorb.errors import AbsorbError
from absorb.identity import flat, unflat
from absorb.load import load, load_part, nearest
from sweeps.app import compose, compose_unread


@pytest.fixture(scope="module")
def plain() -> dict:
    return unflat(flat(compose()))


def changed(plain: dict, name: str, value) -> dict:
    head, *path = name.split(".")
    if not path:
        return plain | {head: value}
    return plain | {head: changed(plain[head], ".".join(path), value)}


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("routing.label_fraction", 1.4, ["routing.label_fraction=1.4", "[0, 1]"]),
        ("routing.label_fraction", math.nan, ["routing.label_fraction=nan", "finite"]),
        ("routing.label_fraction", math.inf, ["routing.label_fraction=inf", "finite"]),
        ("routing.label_fraction", "half", ["routing.label_fraction='half'", "a number"]),
        ("routing.label_fraction", True, ["routing.label_fraction=True", "a number"]),
        ("routing.label_fraction", None, ["routing.label_fraction=None", "a number"]),
        ("seed", 1.5, ["seed=1.5", "a whole number"]),
        ("seed", -1, ["seed=-1", "[0, 2147483647]"]),
        ("seed", True, ["seed=True", "a whole number"]),
        ("routing.cross", 1, ["routing.cross=1", "true or false"]),
        ("routing.arm", "rout", ["routing.arm='rout'", "did you mean route?"]),
        ("routing.concept", 8, ["routing.concept=8", "a list"]),
        ("routing.concept", [], ["routing.concept=[]", "1 to 10000 entries"]),
        ("routing.keep", [1, 1], ["routing.keep=[1, 1]", "3 to 3 entries"]),
        ("routing.unit", 3, ["routing.unit", "no such setting", "did you mean routing.unit"]),
        ("routing", 3, ["routing=3", "a group of settings"]),
        ("model.kind", "mpl", ["model.kind='mpl'", "mlp, autoencoder, paths"]),
        ("extra", 1, ["extra: no such setting"]),
    ],
)
def test_what_is_wrong_is_said_with_key_value_and_bound(plain, name, value, words):
    with pytest.raises(AbsorbError) as error:
        load(changed(plain, name, value))
    words = [word.replace("did you mean routing.unit", "did you mean units?") for word in words]
    for word in words:
        assert word in str(error.value)


def test_text_that_no_store_can_keep_is_refused_by_name():
    words = ("world=text", "model=transformer", "world.path=x")
    plain = unflat(flat(compose_unread(words)))
    assert load(changed(plain, "world.path", "caf\u00e9 \U0001f600")).world.path
    with pytest.raises(AbsorbError, match=r"^world\.path='caf\\udce9': .* UTF-8"):
        load(changed(plain, "world.path", os.fsdecode(b"caf\xe9")))


def test_a_missing_key_is_named(plain):
    less = plain | {"train": {k: v for k, v in plain["train"].items() if k != "epochs"}}
    with pytest.raises(AbsorbError, match=r"^train\.epochs: missing$"):
        load(less)
    with pytest.raises(AbsorbError, match=r"^gate: missing$"):
        load({k: v for k, v in plain.items() if k != "gate"})


def test_parts_load_as_they_do_in_the_whole(plain):
    config = load(plain)
    for name in Config.__dataclass_fields__:
        assert load_part(name, plain[name]) == getattr(config, name)


def test_whole_numbers_may_be_written_with_a_point_and_zero_has_one_sign(plain):
    config = load(changed(changed(plain, "seed", 3.0), "train.weight_decay", -0.0))
    assert config.seed == 3 and type(config.seed) is int
    assert math.copysign(1, config.train.weight_decay) == 1


_PLAIN = unflat(flat(compose()))


@given(st.floats() | st.integers() | st.text() | st.none() | st.booleans() | st.lists(st.none()))
def test_any_value_is_taken_in_its_range_or_refused_by_name(value):
    try:
        fraction = load(changed(_PLAIN, "routing.label_fraction", value)).routing.label_fraction
    except AbsorbError as error:
        assert str(error).startswith("routing.label_fraction=")
    else:
        assert 0 <= fraction <= 1 and type(fraction) is float


def test_nearest_names_the_likely_or_lists_all():
    assert nearest("epoch", ["epochs", "batch"]) == " (did you mean epochs?)"
    assert nearest("zzz", ["epochs", "batch"]) == "; there are epochs, batch"
    assert nearest("dose", ["wide", "dose_response_two", "dose_response"]).endswith(
        "dose_response?)"
    )


def test_knobs_do_not_reach_the_spec_and_switches_only_as_on_or_off(plain):
    def spec(name, value):
        return spec_of(load(changed(plain, name, value)))

    base = spec_of(load(plain))
    assert spec("routing.label_fraction", 0.25) == spec("seed", 5) == base
    assert spec("train.learning_rate", 0.5) == spec("routing.units", 5) == base
    assert spec("train.l1_region", 0.1) == spec("train.l1_region", 0.2) != base
    assert spec("model.widths", [96, 95]) != base
    assert spec("train.epochs", 3) != base
    assert hash(spec("seed", 5)) == hash(base)


def test_units_of_their_own_are_a_shape(plain):
    added = changed(plain, "routing.placement", "added")
    few, many = (spec_of(load(changed(added, "routing.units", n))) for n in (4, 8))
    assert few != many
