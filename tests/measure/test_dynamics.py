"""The treatment `dynamics` as a run has it, against the library and against closed forms."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.dynamics.network import decay_term, network_terms, whole_split
from absorb.dynamics.paths import line_stability
from absorb.dynamics.stability import interference, stability
from absorb.dynamics_rules import MOST_PARAMETERS
from absorb.errors import AbsorbError
from absorb.knobs import knobs_of
from absorb.lanes.batch import train_batch
from absorb.measure.dynamics import JACOBIAN, dynamics, with_eigenvalues
from absorb.measure.scores import prefixed
from absorb.models import init
from absorb.sites import classes
from absorb.train.one import start, train_epochs
from absorb.worlds import given, load_world
from absorb.worlds.labels import FORGET, RETAIN, UNLABELLED, observe
from sweeps.app import compose

DIGITS = ["model.widths=[2]", "routing.sites=[hidden0]", "routing.units=1", "train=sgd",
          "train.learning_rate=0.1", "train.epochs=2", "world.test=0.5", "world.validation=0.3",
          "measure.treatments=[whole,dynamics]"]  # fmt: skip
ROUTED = [*DIGITS, "routing=parameter", "routing.retain_fraction=0.5", "train.weight_decay=0.02"]


def read(*words: str):
    config = compose([*words])
    return spec_of(config), knobs_of(config, classes(config.world)), load_world(config.world)


@partial(jax.jit, static_argnums=0)
def in_a_program(spec, knobs, data, params):
    found = dynamics(spec, knobs, given(spec, knobs, data).train, params)
    return prefixed("dynamics", found)


def at(spec, knobs, data, params):
    """What the treatment says of these parameters, host and all."""
    found = in_a_program(spec, knobs, data, params)
    one = with_eigenvalues({name: np.asarray(x)[None] for name, x in found.items()},
                           np.asarray(knobs.learning_rate)[None])  # fmt: skip
    return {name.removeprefix("dynamics."): x[0] for name, x in one.items()}


@lru_cache
def trained(*words: str):
    """(spec, knobs, data, trained parameters, what the treatment says of them)."""
    spec, knobs, data = read(*words)
    run = jax.jit(lambda k, d: train_epochs(spec, k, d.train, start(spec, k), 0, 2).params)
    params = run(knobs, data)
    return spec, knobs, data, params, at(spec, knobs, data, params)


def measured(words, params=None, **changed):
    spec, knobs, data = read(*words)
    params = init(spec, jax.random.key(0)) if params is None else params
    return at(spec, knobs._replace(**changed), data, params)


@pytest.mark.slow
def test_a_trained_network_reads_what_the_library_says_on_the_host():
    spec, knobs, data, params, found = trained(*ROUTED)
    batch = whole_split(spec, knobs, data.train)
    terms = network_terms(spec, knobs, params, batch)
    decay = decay_term(params, knobs.weight_decay)
    want = stability([*terms, decay], params, float(knobs.learning_rate))
    assert found["curl"] == pytest.approx(want.curl, rel=1e-5) and want.curl > 0.001
    assert found["least_real"] == pytest.approx(want.least_real, rel=1e-4)
    assert found["multiplier"] == pytest.approx(want.multiplier, rel=1e-6)
    assert found["unstable"] == want.unstable > 0
    size, turning = abs(want.eigenvalues_P).max(), abs(want.eigenvalues_P.imag).max()
    assert found["size"] == pytest.approx(size, rel=1e-5)
    assert found["turning"] == pytest.approx(turning, rel=1e-3, abs=1e-6)
    inner = np.asarray(interference(terms, params))
    np.testing.assert_allclose(found["interference"], inner, rtol=2e-3, atol=1e-7)


@pytest.mark.slow
def test_labels_are_those_of_training():
    """A float's width decides what is drawn, and the treatment counts in float64."""
    spec, knobs, data, params, found = trained(*ROUTED)
    observed_N = np.asarray(observe(spec, knobs, data.train))
    assert {FORGET, UNLABELLED, RETAIN} == set(observed_N)
    batch = whole_split(spec, knobs, data.train)
    np.testing.assert_array_equal(batch.observed_B, observed_N)
    term = network_terms(spec, knobs, params, batch)[FORGET]
    squares = jax.tree.map(lambda g, psi: float((g**2 * psi).sum()), jax.grad(term.loss)(params),
                           term.psi)  # fmt: skip
    size = sum(jax.tree.leaves(squares))
    assert found["interference"][0, 0] == pytest.approx(size, rel=1e-4)


def test_norms_and_cosines_are_those_of_the_interference():
    """Without decay ⟨F, G⟩ is the sum over all pairs of losses."""
    found = measured([*ROUTED, "train.weight_decay=0"])
    inner_TT, cosine_TT = found["interference"], found["cosine"]
    full = found["field"] / found["relative"]
    assert found["descent"] == pytest.approx(inner_TT.sum() / (found["field"] * full), rel=1e-5)
    assert (abs(cosine_TT) <= 1 + 1e-6).all()
    np.testing.assert_array_equal(np.sign(cosine_TT), np.sign(inner_TT))
    assert 0.3 < cosine_TT[0, 0] < 0.999  # of the labelled loss a mask takes a part
    size_T = np.sqrt(np.diag(inner_TT))  # ‖ψᵢ∘gᵢ‖, since these masks are 0 or 1
    np.testing.assert_allclose(
        cosine_TT[0, 1:], inner_TT[0, 1:] / size_T[0] / size_T[1:], rtol=1e-4
    )
    assert cosine_TT[1, 1] == pytest.approx(1) and cosine_TT[2, 2] == pytest.approx(1)


@pytest.mark.parametrize("words", [["routing.arm=capacity"], ["routing=none"],
                                   ["routing.weights.forget=[1,1]"],
                                   ["routing.label_fraction=0"]])  # fmt: skip
def test_without_routing_there_is_no_curl_to_the_bit(words):
    found = measured([*DIGITS, "routing=parameter", *words])
    assert found["curl"] == 0 and found["relative"] == 1
    assert found["descent"] == pytest.approx(1, abs=1e-6)
    assert found["turning"] < 1e-5 * found["size"]


def test_losses_without_data_have_no_cosine():
    found = measured([*DIGITS, "routing=parameter", "routing.label_fraction=1"])
    known_TT = np.isfinite(found["cosine"])
    assert known_TT.tolist() == [[True, True, False], [True, True, False], [False] * 3]
    assert (found["interference"][2] == 0).all()


def test_once_routing_is_lifted_the_field_is_a_gradient():
    assert measured([*ROUTED, "routing.until=0.5"])["curl"] == 0
    assert measured([*ROUTED, "routing.until=1"])["curl"] > 0


def test_decay_moves_every_eigenvalue_by_itself():
    plain, decayed = (measured(ROUTED, weight_decay=np.float32(x)) for x in (0.0, 0.25))
    assert decayed["least_real"] - plain["least_real"] == pytest.approx(0.25, rel=1e-5)


def test_what_is_not_finite_is_said():
    spec, *_ = read(*DIGITS)
    params = jax.tree.map(lambda p: p * jnp.nan, init(spec, jax.random.key(0)))
    found = measured(DIGITS, params)
    names = ("curl", "least_real", "multiplier", "size", "turning", "unstable", "field", "loss")
    assert all(np.isnan(found[name]) for name in names)


SLOPE, RATE = 1.5, 0.02
LINEAR = ["world=linear", f"world.slope={SLOPE}", "model=paths", "train=sgd",
          f"train.learning_rate={RATE}", "measure.treatments=[whole,raw,dynamics]"]  # fmt: skip


@pytest.mark.parametrize("depth", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_linear_world_reads_its_closed_form(depth):
    words = [*LINEAR, f"model.depth={depth}", "model.strength=0.05", "train.epochs=60",
             "world.examples=1024"]  # fmt: skip
    configs = [compose([*words, f"routing.label_fraction={p}"]) for p in (0, 0.25, 1)]
    rows = train_batch(configs, lanes=2).rows
    for config, row in zip(configs, rows, strict=True):
        x_N = load_world(config.world).train.x_NF[:, 0]
        labels = observe(spec_of(config), knobs_of(config, 1), load_world(config.world).train)
        free_N = np.asarray(labels) != FORGET
        pulls = float((x_N**2).mean()), float((x_N**2 * free_N).mean())
        kept = min(max(row["kept_share"], 0.0), 1.0) * SLOPE
        want = line_stability(kept, SLOPE, pulls, depth)
        assert row["dynamics.size"] == pytest.approx(want.eigenvalue, rel=2e-3)
        assert row["dynamics.curl"] == pytest.approx(want.curl, rel=5e-3, abs=1e-6)
        assert abs(row["dynamics.least_real"]) < 2e-3  # along the line nothing pulls or pushes
        assert row["dynamics.multiplier"] == pytest.approx(1, abs=1e-4)
        assert row["dynamics.field"] < 1e-3


def test_matrices_stay_out_of_the_rows():
    scores = {"whole.forget": np.zeros(2)}
    assert with_eigenvalues(scores, np.ones(2)) is scores
    rotation = np.array([[0.0, -1.0], [1.0, 0.0]])
    found = with_eigenvalues(scores | {JACOBIAN: np.stack([rotation, 3 * np.eye(2)])},
                             np.array([0.5, 1.0]))  # fmt: skip
    assert JACOBIAN not in found and all(value.shape == (2,) for value in found.values())
    np.testing.assert_allclose(found["dynamics.multiplier"], [np.sqrt(1.25), 2], rtol=1e-6)
    np.testing.assert_allclose(found["dynamics.turning"], [1, 0], atol=1e-7)


@pytest.mark.slow
def test_a_solo_run_equals_its_lane():
    """Five runs in two waves of four, each with a rate of its own."""
    lanes = [(0, 0.5, 0.1), (1, 0.2, 0.3), (2, 1, 0.1), (3, 0.5, 0.05), (4, 0.7, 0.2)]
    configs = [compose([*ROUTED, f"seed={s}", f"routing.label_fraction={p}",
                        f"train.learning_rate={rate}"]) for s, p, rate in lanes]  # fmt: skip
    rows = train_batch(configs, lanes=2).rows
    for seed, p, rate in (lanes[1], lanes[4]):
        found = trained(*ROUTED, f"seed={seed}", f"routing.label_fraction={p}",
                        f"train.learning_rate={rate}")[-1]  # fmt: skip
        for name, value in found.items():
            lane = np.reshape(rows[seed][f"dynamics.{name}"], value.shape)
            np.testing.assert_allclose(lane, value, rtol=2e-3, atol=1e-5, err_msg=name)
    assert len({row["dynamics.curl"] for row in rows}) == len(rows) == 5


def test_a_toy_has_its_features_and_labels():
    words = ["world=sparse", "model=toy", "routing=parameter", "routing.retain_fraction=1",
             "measure.treatments=[whole,dynamics]", "train.epochs=1"]  # fmt: skip
    found = measured(words)
    assert np.isfinite(found["cosine"]).all() and 0 < found["curl"] < 1
    assert measured([*words, "routing=none"])["curl"] == 0


@pytest.mark.parametrize(
    "words, named",
    [
        (["model.widths=[27]"], ["dynamics", "2035", f"at most {MOST_PARAMETERS}"]),
        (["model.widths=[8,8]", "routing.sites=[hidden0,hidden1]", "routing.mechanism=activation"],
         ["routing.mechanism='activation'"]),
        (["train.correlation=0.1"], ["train.correlation"]),
        (["routing=none", "routing.arm=rival", "rival=ascent"], ["rival.kind='ascent'"]),
    ],
)  # fmt: skip
def test_what_means_nothing_or_costs_too_much_is_refused(words, named):
    with pytest.raises(AbsorbError) as error:
        compose([*DIGITS, "routing=parameter", *words])
    assert all(word in str(error.value) for word in named)


def test_the_bound_itself_is_allowed():
    assert compose([*DIGITS, "model.widths=[26]"]).model.widths == (26,)  # type: ignore
