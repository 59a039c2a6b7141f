"""Both sides train the same toy models on the same task: else their times say nothing."""

import jax
import numpy as np
import pytest

from absorb.config import spec_of
from absorb.knobs import knobs_of
from absorb.models import regions
from absorb.train.one import start
from absorb.train.step import Batch, train_step
from absorb.worlds import draw
from absorb.worlds.labels import UNLABELLED
from benchmarks.effort import Effort
from benchmarks.timing import Taken
from benchmarks.toy import CASES, Case, compared, instances, routing_costs, small, width

torch = pytest.importorskip("torch")
SMALL = Case(5, 2, 3, 1, 1, {"own": 1}, batch=64)
WIDER = Case(30, 7, 3, 1, 1, {"own": 1}, batch=64)


def both(case, *words):
    """PyTorch's instances; the engine's (spec, knobs) and state of each, with their parameters."""
    from benchmarks.torch_toy import Instances

    configs = instances(case, "routing=none", *words)
    made = Instances(configs)
    with torch.no_grad():
        made.b_IF.uniform_(-0.1, 0.1)
    lanes = [(spec_of(config), knobs_of(config, case.features)) for config in configs]
    weights = zip(made.w_IFM.detach().numpy(), made.b_IF.detach().numpy(), strict=True)
    params = [{"w": w_FM.T.copy(), "b": b_F.copy()} for w_FM, b_F in weights]
    states = [start(*lane)._replace(params=p) for lane, p in zip(lanes, params, strict=True)]
    return made, states, lanes


def drawn(lanes, step):
    """One batch per instance, from the engine's own draws: (B, I, F)."""
    return np.stack([np.asarray(draw(*lane, step)) for lane in lanes], axis=1)


def stepped(lane, state, x_BF):
    count = len(x_BF)
    seen = np.zeros(count, np.int32), np.full(count, UNLABELLED), np.ones(count, np.float32)
    return train_step(*lane, regions(*lane), state, Batch(x_BF, *seen))


@pytest.mark.slow
@pytest.mark.parametrize("case", [SMALL, WIDER], ids=lambda case: case.name)
def test_loss_and_gradient_are_the_engines(case):
    rate = ["train.optimizer=sgd", "train.learning_rate=1", "train.weight_decay=0"]
    made, states, lanes = both(case, *rate)  # at rate 1 the gradient is what a step takes away
    x_BIF = drawn(lanes, 0)
    loss = made.loss(torch.from_numpy(x_BIF))
    loss.backward()
    after = [stepped(*each) for each in zip(lanes, states, x_BIF.swapaxes(0, 1), strict=True)]
    assert loss.item() == pytest.approx(sum(float(state.loss) for state in after), rel=1e-5)
    for i, (old, new) in enumerate(zip(states, after, strict=True)):
        gradient = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), old.params, new.params)
        close = {"rtol": 1e-4, "atol": 1e-6}
        np.testing.assert_allclose(made.w_IFM.grad[i].numpy().T, gradient["w"], **close)
        np.testing.assert_allclose(made.b_IF.grad[i].numpy(), gradient["b"], **close)


def test_steps_of_adamw_are_the_engines():
    made, states, lanes = both(SMALL, "train.weight_decay=1", "train.learning_rate=0.01")
    for step in range(3):
        x_BIF = drawn(lanes, step)
        made.step(torch.from_numpy(x_BIF))
        each = zip(lanes, states, x_BIF.swapaxes(0, 1), strict=True)
        states = [stepped(*one) for one in each]
    for i, state in enumerate(states):
        np.testing.assert_allclose(
            made.w_IFM[i].detach().numpy().T, state.params["w"], rtol=1e-3, atol=2e-5
        )
        np.testing.assert_allclose(
            made.b_IF[i].detach().numpy(), state.params["b"], rtol=1e-3, atol=2e-5
        )


def test_examples_are_as_often_active_and_as_large_on_both_sides():
    made, _, lanes = both(SMALL._replace(batch=20_000))
    active_I = np.array([1, 20**-0.5, 1 / 20])
    for x_BIF in (made.draw().numpy(), drawn(lanes, 0)):
        near = 5 / np.sqrt(100_000)  # five standard deviations of a mean of as many entries
        np.testing.assert_allclose((x_BIF > 0).mean((0, 2)), active_I, atol=near)
        np.testing.assert_allclose(x_BIF.mean((0, 2)), active_I / 2, atol=near)
        np.testing.assert_allclose((x_BIF**2).mean((0, 2)), active_I / 3, atol=near)


def test_a_call_takes_every_instance_through_its_steps():
    made, _, _ = both(SMALL)
    before_IFM = made.w_IFM.detach().clone()
    contender = made.contender(steps=4)
    contender.run()
    assert contender.units == 4 * 3
    assert all(state["step"] == 4 for state in made.optimizer.state.values())
    assert (made.w_IFM != before_IFM).flatten(1).any(1).all()


def pretend(monkeypatch, seconds):
    """Let each contender take the seconds that `seconds` says; the engine's are their settings."""
    seen = {}

    def taken(contenders, rounds):
        seen.update(contenders)
        return {name: Taken(np.array([seconds(name)]), np.ones(1)) for name in contenders}

    monkeypatch.setattr("benchmarks.toy.trained", lambda case, *words: words)
    monkeypatch.setattr("benchmarks.toy.interleaved", taken)
    return seen


def test_goals_stand_at_the_ratio_over_pytorch_with_every_core(monkeypatch):
    case = small(CASES[1])._replace(instances=4, goals={"own": 4, "shared": 10})
    times = {"PyTorch": 20, "PyTorch, one thread": 30,
             "engine, own draws": 4, "engine, shared draws": 2.5}  # fmt: skip
    pretend(monkeypatch, times.get)
    figures = {figure.what: figure for figure in compared(case, 1)}
    own = figures[f"PyTorch / engine, own draws, {case.name}"]
    shared = figures[f"PyTorch / engine, shared draws, {case.name}"]
    assert own.median == 5 and own.met is True
    assert shared.median == 8 and shared.met is False
    assert figures[f"PyTorch, one thread / engine, own draws, {case.name}"].met is None


def test_shared_draws_are_of_the_same_numbers_and_own_draws_are_not():
    for draws, same in (("shared", True), ("own", False)):
        configs = instances(SMALL, "routing=none", f"world.draws={draws}")
        first, last = (draw(spec_of(c), knobs_of(c, 5), 0) for c in (configs[0], configs[-1]))
        seen = np.asarray(last) > 0  # where a feature is active, its value is u / p
        again = np.asarray(first)[seen] / configs[-1].world.active
        assert np.allclose(np.asarray(last)[seen], again, rtol=1e-5) is same


def test_every_kind_of_routing_is_measured_and_none_counts_as_another(monkeypatch):
    asked = pretend(monkeypatch, lambda name: 1.0 + (name != "no routing"))
    figures = routing_costs(SMALL, 1)
    made = {n: instances(SMALL, *words)[0].routing for n, words in asked.items()}
    kinds = {(routing.mechanism, routing.granularity) for routing in made.values()}
    assert kinds == {("none", "example")} | {
        (m, g) for m in ("activation", "parameter") for g in ("example", "component")
    }
    assert [f.median for f in figures if "cost over none" in f.what] == [100] * 4


def test_the_note_names_the_rule_where_the_instances_do_not_fill_it():
    assert "its rule says 10" in width(CASES[0]) and "5 lanes on each of 2" in width(CASES[0])
    assert "its rule" not in width(CASES[1]) and "10 lanes on each of 2" in width(CASES[1])


def test_small_effort_keeps_the_networks_and_the_goals():
    for case in CASES:
        tiny = Effort(1, True).pick(case, small(case))
        assert (tiny.features, tiny.hidden, tiny.goals) == (case.features, case.hidden, case.goals)
        assert tiny.batch < case.batch and tiny.instances <= 40
