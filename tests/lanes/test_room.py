"""A sweep of many programs does not run out of the memory maps of its process."""

import subprocess
import sys
from pathlib import Path

import pytest

from absorb.lanes import room
from absorb.lanes.batch import train_batch
from sweeps.app import compose

ROOT = Path(__file__).parents[2]
WORDS = ["train.epochs=1", "measure=quick", "routing.units=4"]
SCRIPT = """
WORDS = WORDS_HERE
from absorb.devices import set_up_devices
set_up_devices(1)
from absorb.lanes import room
from absorb.lanes.batch import train_batch
from sweeps.app import compose

def held():
    return sum(1 for _ in room.MAPS.open("rb"))

def maps_after(width):
    train_batch([compose([*WORDS, f"model.widths=[{width},8]"])], lanes=4)
    return held()

maps_after(8)
one = held()
two = maps_after(16)
room.SHARE = 0.0
room.make_room()
empty = held()
room.SHARE = 0.4
print(one, two, empty, maps_after(24))
""".replace("WORDS_HERE", repr(WORDS))


def test_a_crowded_process_is_told_from_one_with_room(tmp_path, monkeypatch):
    for name, text in (("maps", "a map\n" * 50), ("most", "100\n")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(room, "MAPS", tmp_path / "maps")
    monkeypatch.setattr(room, "MOST_MAPS", tmp_path / "most")
    assert room.crowded()
    (tmp_path / "most").write_text("200\n")
    assert not room.crowded()
    (tmp_path / "most").unlink()
    assert not room.crowded()


@pytest.mark.slow
def test_forgetting_programs_gives_their_maps_back():
    """Each program takes hundreds of maps or more, and most of them come back."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True,
                          check=True, timeout=300)  # fmt: skip
    one, two, empty, after = map(int, done.stdout.split())
    assert two - one > 100 and empty < one and after < two


@pytest.mark.slow
def test_forgetting_changes_no_number(monkeypatch):
    """The programs are compiled again, to the same."""
    config = compose([*WORDS, "seed=3"])
    before = train_batch([config], lanes=4).rows[0]
    monkeypatch.setattr(room, "SHARE", 0.0)
    after = train_batch([config], lanes=4).rows[0]
    assert {k: v for k, v in before.items() if v == v} == {k: v for k, v in after.items() if v == v}
