"""Degrees of tokens from labelled stories: closed forms, another library's numbers, no labels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.naive_bayes import MultinomialNB

from absorb.worlds.degrees import classified, counts, evidence, frequency

V, S = 12, 15
FORGET_WORD, COMMON, NEVER = 10, 9, 11


def stories(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random words below 9; word 10 is in every labelled story, 9 once in all, 11 in none."""
    rng = np.random.default_rng(seed)
    x_NS, labelled_N = rng.integers(0, 9, (n, S)), rng.random(n) < 0.3
    x_NS[:, 0] = COMMON
    x_NS[labelled_N, 3] = FORGET_WORD
    return x_NS.astype(np.int32), labelled_N


def test_counts_are_those_of_the_chosen_stories():
    x_NS, labelled_N = stories(50, 0)
    expected = np.bincount(x_NS[labelled_N].ravel(), minlength=V)
    assert np.array_equal(counts(jnp.asarray(x_NS), jnp.asarray(labelled_N), V), expected)


@pytest.mark.parametrize("threshold", [1.0, 4.0])
def test_a_word_of_labelled_stories_has_degree_one_and_a_common_one_the_base(threshold):
    x_NS, labelled_N = stories(600, 1)
    q_V = frequency(x_NS, labelled_N, ~labelled_N, V, threshold=threshold)
    assert q_V[FORGET_WORD] > 0.999
    assert q_V[COMMON] == pytest.approx(1 / (1 + threshold**2), abs=0.01)
    assert q_V[NEVER] == pytest.approx(1 / (1 + threshold**2), abs=1e-5)


def test_with_the_odds_as_threshold_the_degree_is_the_share_of_occurrences():
    x_NS, labelled_N = stories(400, 2)
    odds = (~labelled_N).sum() / labelled_N.sum()
    found = frequency(
        x_NS, labelled_N, ~labelled_N, V, threshold=odds, temperature=1.0, smoothing=1e-6
    )
    in_labelled = np.bincount(x_NS[labelled_N].ravel(), minlength=V)
    in_all = np.bincount(x_NS.ravel(), minlength=V)
    assert found[:NEVER] == pytest.approx(in_labelled[:NEVER] / in_all[:NEVER], abs=1e-5)


def lane(x_NS, labelled_N):
    of = evidence(x_NS, labelled_N, ~labelled_N, V)
    return frequency(x_NS, labelled_N, ~labelled_N, V), classified(of, x_NS)


compiled = jax.jit(jax.vmap(lane, in_axes=(None, 0)))


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_degrees_lie_between_zero_and_one(seed, label_rate):
    rng = np.random.default_rng(seed)
    x_NS, labelled_N = rng.integers(0, V, (6, S)), rng.random(6) < label_rate
    for q in map(np.asarray, compiled(x_NS, labelled_N[None])):
        assert np.isfinite(q).all() and (q >= 0).all() and (q <= 1).all()


@pytest.mark.parametrize("degree", [0, 1])
def test_where_nothing_is_labelled_or_everything_all_degrees_say_so(degree):
    x_NS, _ = stories(6, 3)
    for q in map(np.asarray, compiled(x_NS, np.full((1, 6), bool(degree)))):
        assert (q == degree).all()


@pytest.mark.parametrize("reach", [0, 1, 4, 20])
def test_the_classifier_is_naive_bayes_over_windows(reach):
    x_NS, labelled_N = stories(80, 4)
    known_N = np.arange(80) < 60  # labelled or known to be of the rest; the others are neither
    bag_NV = np.stack([np.bincount(x_S, minlength=V) for x_S in x_NS])
    theirs = MultinomialNB(alpha=1.0).fit(bag_NV[known_N], labelled_N[known_N])
    windows = [
        np.bincount(x_S[max(0, t - reach) : t + reach + 1], minlength=V)
        for x_S in x_NS
        for t in range(S)
    ]
    expected = theirs.predict_proba(windows)[:, 1].reshape(80, S)
    of = evidence(x_NS, labelled_N & known_N, ~labelled_N & known_N, V)
    assert np.asarray(classified(of, x_NS, reach)) == pytest.approx(expected, abs=1e-5)


def test_lanes_of_one_program_have_degrees_of_their_own_labels():
    x_NS, _ = stories(60, 5)
    labelled_RN = np.random.default_rng(0).random((3, 60)) < 0.4
    together = compiled(x_NS, labelled_RN)
    for r, labelled_N in enumerate(labelled_RN):
        for batched, solo in zip(together, lane(x_NS, labelled_N), strict=True):
            assert np.asarray(batched[r]) == pytest.approx(np.asarray(solo), abs=1e-6)
    assert not np.allclose(together[0][0], together[0][1])
