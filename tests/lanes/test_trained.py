"""Networks that are there already: measured without training, to the same bits as if trained."""

import pytest
from lane_memory import Memory

from absorb.lanes import batch
from absorb.lanes.batch import train_batch
from absorb.lanes.trained import Trained
from sweeps.app import compose

pytestmark = pytest.mark.contract

MLP = ["model.widths=[8,8]", "routing.units=3", "train.epochs=2", "train.batch=64"]
KINDS = {
    "a learned gate": [*MLP, "gate=learned", "routing.label_fraction=0.5"],
    "a rival": [*MLP, "routing=none", "routing.arm=rival", "rival=ascent", "rival.steps=3"],
    "a random start": [*MLP, "train.epochs=0"],
    "decoders of halves": ["model=autoencoder", "model.widths=[8]", "model.latent=6",
                           "model.certificates=true", "routing.units=2", "train.epochs=2"],
    "a toy": ["world=sparse", "model=toy", "world.steps=3", "world.measured=64", "train.epochs=2"],
}  # fmt: skip
ASKED = "measure.treatments=[whole,raw,mean,calibrated]"


def asked(words, *more):
    return [compose([*words, f"seed={seed}", *more]) for seed in range(5)]


def networks_of(words):
    """Parameters and last losses of five networks, of which only little is asked."""
    kept = train_batch(asked(words, "measure=quick", "measure.parameters=true"), lanes=2)
    return [
        Trained(arrays, row.get("final.loss"))
        for arrays, row in zip(kept.arrays, kept.rows, strict=True)
    ]


@pytest.mark.parametrize(
    "kind", ["a learned gate", *(pytest.param(k, marks=pytest.mark.slow) for k in list(KINDS)[1:])]
)
def test_measuring_alone_gives_what_training_and_measuring_give(kind, monkeypatch):
    words = KINDS[kind]
    wanted, networks = train_batch(asked(words, ASKED), lanes=2).rows, networks_of(words)
    monkeypatch.setattr(batch._Batch, "_train", None)  # so that any training fails
    assert train_batch(asked(words, ASKED), lanes=2, trained=networks).rows == wanted


def stop_in(phase):
    def stop(progress):
        assert progress.phase == phase
        raise KeyboardInterrupt

    return stop


def test_stopped_between_waves_it_goes_on_from_there(monkeypatch):
    words, memory, measured = KINDS["a learned gate"], Memory(), []
    configs, networks = asked(words, ASKED), networks_of(words)
    wanted = train_batch(configs, lanes=2, devices=1, trained=networks).rows
    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, lanes=2, devices=1, on_progress=stop_in("measure"),
                    checkpoint=memory, trained=networks)  # fmt: skip
    one = batch._Batch._measure
    monkeypatch.setattr(
        batch._Batch, "_measure", lambda self, *args: (measured.append(args[0]), one(self, *args))
    )
    again = train_batch(configs, lanes=2, devices=1, checkpoint=memory, trained=networks)
    assert again.rows == wanted and measured == [1, 2] and memory.kept is None


@pytest.mark.slow
def test_a_checkpoint_of_training_is_not_taken_for_one_of_measuring():
    words, memory = KINDS["a learned gate"], Memory()
    configs, networks = asked(words, ASKED), networks_of(words)
    wanted = train_batch(configs, lanes=2).rows
    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, lanes=2, on_progress=stop_in("train"), checkpoint=memory)
    assert train_batch(configs, lanes=2, checkpoint=memory, trained=networks).rows == wanted
    with pytest.raises(KeyboardInterrupt):
        train_batch(configs, lanes=2, on_progress=stop_in("measure"), checkpoint=memory,
                    trained=networks)  # fmt: skip
    assert train_batch(configs, lanes=2, checkpoint=memory).rows == wanted
