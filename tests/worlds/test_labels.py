"""Who is labelled: exact counts, nesting, noise, missing not at random, placebo."""

from dataclasses import replace

import numpy as np
import pytest

from absorb.config import spec_of
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.worlds import check_labels, load_world, observe
from absorb.worlds.labels import FORGET, RETAIN, UNLABELLED
from sweeps.app import compose


def observed(*overrides: str):
    config = compose(overrides)
    train = load_world(config.world).train
    forget_N = np.isin(train.class_N, config.routing.concept)
    return np.asarray(observe(spec_of(config), knobs_of(config, 10), train)), forget_N, train


@pytest.mark.parametrize("p", [0.0, 0.1, 0.25, 0.5, 1.0])
def test_exactly_a_share_p_of_forget_data_is_labelled_and_no_other(p):
    seen_N, forget_N, _ = observed(f"routing.label_fraction={p}")
    assert (seen_N == FORGET).sum() == int(np.floor(p * forget_N.sum() + 0.5))
    assert not (seen_N[~forget_N] == FORGET).any()
    assert (seen_N[seen_N != FORGET] == UNLABELLED).all()


@pytest.mark.parametrize("extra", [[], ["routing.covariate=ink", "routing.covariate_strength=2"]])
def test_labels_nest_over_the_fraction(extra):
    sets = [
        set(np.flatnonzero(observed(f"routing.label_fraction={p}", *extra)[0] == FORGET))
        for p in (0.1, 0.4, 0.9)
    ]
    assert sets[0] < sets[1] < sets[2]


@pytest.mark.slow
def test_missing_not_at_random_prefers_much_ink_by_the_stated_odds():
    p, strength = 0.3, 1.5
    extra = ["routing.covariate=ink", f"routing.covariate_strength={strength}"]
    inks, labels = [], []
    for seed in range(30):
        seen_N, forget_N, train = observed(f"routing.label_fraction={p}", f"seed={seed}", *extra)
        inks.append(train.covariates["ink"][forget_N])
        labels.append(seen_N[forget_N] == FORGET)
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=1e6).fit(np.concatenate(inks)[:, None], np.concatenate(labels))
    assert abs(fit.coef_[0, 0] - strength) < 0.15


def test_noise_has_the_stated_rates():
    flips, gains, known = [], [], []
    for seed in range(20):
        seen_N, forget_N, _ = observed(
            "routing.label_fraction=1", "routing.false_negative=0.2",
            "routing.false_positive=0.1", "routing.retain_fraction=0.5", f"seed={seed}",
        )  # fmt: skip
        flips.append((seen_N[forget_N] != FORGET).mean())
        gains.append((seen_N[~forget_N] == FORGET).mean())
        known.append((seen_N[~forget_N] == RETAIN).mean())
    assert abs(np.mean(flips) - 0.2) < 0.02
    assert abs(np.mean(gains) - 0.1) < 0.01
    assert abs(np.mean(known) - 0.45) < 0.02


@pytest.mark.slow
def test_placebo_labels_as_many_examples_whatever_they_show():
    shares = []
    for seed in range(20):
        seen_N, forget_N, _ = observed("routing.arm=placebo", f"seed={seed}")
        assert (seen_N == FORGET).sum() == np.floor(0.5 * forget_N.sum() + 0.5)
        shares.append((seen_N[forget_N] == FORGET).sum() / (seen_N == FORGET).sum())
    assert abs(np.mean(shares) - forget_N.mean()) < 0.03


def test_placebo_knows_nothing_of_the_concept_under_noise_and_covariates():
    noisy = ("routing.false_positive=0.3", "routing.false_negative=0.3", "routing.covariate=ink",
             "routing.covariate_strength=3")  # fmt: skip
    plain, _, _ = observed("routing.arm=placebo", "routing.covariate=ink")
    np.testing.assert_array_equal(observed("routing.arm=placebo", *noisy)[0], plain)


def test_class_granularity_labels_whole_classes():
    seen_N, _, train = observed(
        "routing.granularity=class", "routing.concept=[0,1,2,3]", "routing.label_fraction=0.5"
    )
    whole = [c for c in range(10) if (seen_N[train.class_N == c] == FORGET).all()]
    assert len(whole) == 2 and set(whole) <= {0, 1, 2, 3}
    assert (seen_N == FORGET).sum() == np.isin(train.class_N, whole).sum()


PAIR = ["world=pair", "routing.granularity=class"]


@pytest.mark.parametrize("arm", ["route", "placebo"])
def test_class_granularity_draws_among_the_classes_that_there_are(arm):
    """The default concept of a pair names all classes of its first task, which has five."""
    for seed in range(10):
        config = compose([*PAIR, "routing.label_fraction=0.4", f"routing.arm={arm}",
                          f"seed={seed}"])  # fmt: skip
        train = load_world(config.world).train
        seen_N = np.asarray(observe(spec_of(config), knobs_of(config, 20), train))
        labelled = set(train.class_N[seen_N == FORGET])
        there = set(train.class_N)
        assert len(labelled) == 2 and labelled < there and len(there) == 10
        assert arm == "placebo" or labelled <= set(config.routing.concept)


def test_a_fraction_is_of_the_classes_that_there_are():
    config = compose([*PAIR, "routing.label_fraction=0.25"])
    data = load_world(config.world)
    with pytest.raises(AbsorbError, match=r"0\.25: .* one of 0, 0\.2, 0\.4, 0\.6, 0\.8, 1$"):
        check_labels(config, data)
    for p in (0, 0.4, 1):
        check_labels(compose([*PAIR, f"routing.label_fraction={p}"]), data)
    thirds = ["routing.granularity=class", "routing.concept=[1,2,3]"]
    digits = load_world(compose(thirds).world)
    check_labels(compose([*thirds, "routing.label_fraction=0.3333"]), digits)


@pytest.mark.parametrize(
    "words",
    [["model=autoencoder", "routing.concept=[0,1,2,3,4,5,6,7,8,9]"],
     ["world=feature_pair", "model=autoencoder", "routing.concept=[0,1]"]],
)  # fmt: skip
def test_a_concept_that_leaves_nothing_to_retain_is_refused(words):
    config = compose(words)
    with pytest.raises(AbsorbError, match="training examples carries it, so that nothing is ret"):
        check_labels(config, load_world(config.world))


def test_arms_share_labels_except_placebo_and_std():
    sets = {arm: observed(f"routing.arm={arm}")[0] for arm in ("route", "hard", "filter", "std")}
    np.testing.assert_array_equal(sets["route"], sets["hard"])
    np.testing.assert_array_equal(sets["route"], sets["filter"])
    assert (sets["route"] != sets["std"]).any()


def test_a_fraction_that_labels_nobody_is_refused():
    config = compose(["routing.label_fraction=0.001"])
    with pytest.raises(AbsorbError, match=r"label_fraction=0\.001: labels none of the \d+"):
        check_labels(config, load_world(config.world))
    silent = replace(config, routing=replace(config.routing, label_fraction=0.0))
    check_labels(silent, load_world(config.world))
    with pytest.raises(AbsorbError, match="covariate='inc'"):
        check_labels(compose(["routing.covariate=inc"]), load_world(config.world))


def test_a_fraction_below_1_that_labels_everybody_is_refused():
    config = compose(["routing.label_fraction=0.999"])
    data = load_world(config.world)
    with pytest.raises(
        AbsorbError, match=r"0\.999: labels all of the \d+ training .* or below 0\.9"
    ):
        check_labels(config, data)
    check_labels(compose(["routing.label_fraction=1"]), data)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_split_in_which_every_story_carries_the_concept_is_refused(part):
    words = ["world=stories", "model=transformer", "world.train_count=64", "train.batch=16",
             "world.validation_count=64", "world.test_count=64",
             "measure=token_attacks"]  # fmt: skip
    config = compose(words)
    data = load_world(config.world)
    check_labels(config, data)
    split, bits = getattr(data, part), sum(1 << c for c in config.routing.concept)
    full = data._replace(**{part: split._replace(class_N=split.class_N | bits)})
    name = "training" if part == "train" else part
    with pytest.raises(AbsorbError, match=rf"routing.concept=\[.*\]: .* 64 {name} stories"):
        check_labels(config, full)
    if part == "validation":  # which chooses among attacks, and does nothing else
        check_labels(compose([*words, "measure.treatments=[whole,raw]"]), full)


@pytest.mark.parametrize(
    "part, asked",
    [("validation", "measure=attacks"), ("test", "measure=attacks"),
     ("validation", "measure.treatments=[whole,mechanics]")],
)  # fmt: skip
def test_a_split_on_which_nothing_could_be_measured_is_refused(part, asked):
    config = compose([asked])
    data = load_world(config.world)
    split = getattr(data, part)
    bare = split._replace(class_N=np.zeros_like(split.class_N))
    with pytest.raises(AbsorbError, match=f"no {part} example carries it"):
        check_labels(config, data._replace(**{part: bare}))
    check_labels(compose(["measure=quick"]), data._replace(validation=bare))
