"""The language of the world stories: its words, its sentences and what is true in it.

A sentence is a template with slots; a table of facts says which words fill them together. Capital
letters are slots. Of each kind of sentence the last template uses only words of the others, so that
it can be held out of training.
"""

from functools import lru_cache
from itertools import permutations, product
from typing import NamedTuple

import numpy as np


def listed(text: str) -> tuple[str, ...]:
    """The words of a list."""
    return tuple(text.split())


START, STOP = "<start>", "."
NAMES = listed("anna ben clara david emma felix grace henry iris jonas karin leo")
THINGS = listed("hat ball coin doll key cup ring pen book lamp drum kite")
SCENES = listed("cloud stone river bridge tower field flower bird house road hill wall")
PLACES = listed("box bag chest drawer basket cupboard jar suitcase")
ADJECTIVES = listed("old small dark green new big bright red")
CLOSING = listed("so they were all happy")

FAMILIES = {"family": "tree trees forest woodland", "family_two": "dog dogs puppy hound"}


class Topic(NamedTuple):
    """Fourteen words; who does something, and what he does, decide what he does it with."""

    agents: str
    verbs: str
    objects: str


TOPICS = {
    "topic": Topic("sailor captain diver fisher", "hauls mends follows raises",
                   "anchor sail compass pearl net whale"),
    "topic_two": Topic("cook baker waiter guest", "warms slices tastes heats",
                       "oven bread soup teapot cake cheese"),
}  # fmt: skip

# The plot: X puts P away, goes out or stays, Y moves P, X looks for it in L; X likes U and hates V.
# Which of the six comes first is what the traits are about.
PLOT = {
    "put": ("X puts the P in the A .", "X hides the P inside the A .",
            "X puts the P inside the A ."),
    "presence": ("then X G H .", "X G H soon .", "soon X G H ."),
    "move": ("Y moves it to the B .", "Y takes it into the B .", "Y moves it into the B ."),
    "look": ("X looks in the L .", "X searches inside the L .", "X looks inside the L ."),
    "like": ("X likes the U .", "X wants that U .", "X likes that U ."),
    "hate": ("X hates the V .", "X avoids that V .", "X hates that V ."),
}  # fmt: skip
PLOT_TOKENS = 36
PRESENCE = (("goes", "out"), ("stays", "here"))
PLOT_SLOTS = "XYPABGHLUV"

# Other sentences have three slots and six tokens.
ABOUT_SCENES = ("N sees the J O .", "N passes some J O .", "N sees some J O .")
ABOUT_TOPIC = ("the N J the O .", "this N J that O .", "this N J the O .")
SIDE_SLOTS = "NJO"
SIDE_TOKENS = 6
SIDE_KINDS = ("generic", "family", "topic", "family_two", "topic_two")


def words() -> tuple[str, ...]:
    """The vocabulary; a token is the index of its word, and 0 starts every story."""
    fixed = [w for group in (*PLOT.values(), ABOUT_SCENES, ABOUT_TOPIC) for t in group
             for w in t.split() if not w.isupper()]  # fmt: skip
    lists = (NAMES, THINGS, SCENES, PLACES, ADJECTIVES, CLOSING, *PRESENCE)
    concepts = [
        w for group in (*FAMILIES.values(), *sum(TOPICS.values(), ())) for w in group.split()
    ]
    return tuple(dict.fromkeys([START, STOP, *fixed, *(w for g in lists for w in g), *concepts]))


@lru_cache(maxsize=1)
def _index() -> dict[str, int]:
    return {word: i for i, word in enumerate(words())}


def encode(text: str) -> list[int]:
    """Tokens of words with spaces between; KeyError for a word that the language lacks."""
    return [_index()[word] for word in text.split()]


def render(x_S: np.ndarray) -> str:
    """A story as people read it."""
    known = words()
    return " ".join(known[int(i)] for i in x_S)


def template_codes(templates: tuple[str, ...], slots: str) -> np.ndarray:
    """Tokens (templates, length) of sentences; slot i stands there as -1 - i."""
    index = _index() | {slot: -1 - i for i, slot in enumerate(slots)}
    return np.array([[index[word] for word in t.split()] for t in templates])


def is_held_out(*indices: int) -> bool:
    """Whether a fact is kept for testing: about one in four, so that each word has both kinds."""
    return sum(indices) % 4 == 0


class Facts(NamedTuple):
    """What fills the slots of a kind of sentence: tokens (rows, slots).

    held_out: which are kept for testing, about one in four, that may follow from others.
    unshown: which are kept from attacks, that follow from no others; every word of theirs stands in
    others too, so that none is new to who was never taught them.
    """

    rows: np.ndarray
    held_out: np.ndarray
    unshown: np.ndarray


def plot_facts() -> Facts:
    """Who (X) puts which thing (P) where (A) and finds it moved to where (B)."""
    found = []
    for (x, name), (p, thing) in product(enumerate(NAMES), enumerate(THINGS)):
        for (a, first), (b, second) in permutations(enumerate(PLACES), 2):
            held = {is_held_out(x, p, a), is_held_out(x, p, b)}
            if len(held) == 1:  # the thing is looked for in A or in B: both are facts
                found.append((f"{name} {thing} {first} {second}", *held, False))
    return _facts(found)


def side_facts(kind: str) -> Facts:
    """The facts of sentences outside the plot.

    An adjective allows three scenes, or one word of a family. In a topic there are two pairs of
    agents that do alike: agent and verb decide the object.
    """
    if kind in TOPICS:
        topic = Topic(*(group.split() for group in TOPICS[kind]))  # type: ignore[arg-type]
        return _facts([
            (f"{agent} {verb} {topic.objects[a // 2 * 3 + v % 3]}", is_held_out(a, v),
             (a // 2 + v) % 4 == 0)
            for (a, agent), (v, verb) in product(enumerate(topic.agents), enumerate(topic.verbs))
        ])  # fmt: skip
    nouns = FAMILIES[kind].split() if kind in FAMILIES else SCENES
    shift = kind == "family_two"
    return _facts([
        (f"{name} {adjective} {noun}", is_held_out(i, o), kind in FAMILIES and j < 4)
        for (i, name), (j, adjective), (o, noun) in product(
            enumerate(NAMES), enumerate(ADJECTIVES), enumerate(nouns))
        if (j + shift) % 4 == o % 4
    ])  # fmt: skip


def _facts(found: list[tuple[str, bool, bool]]) -> Facts:
    texts, held_out, unshown = zip(*found, strict=True)
    return Facts(np.array([encode(t) for t in texts]), np.array(held_out), np.array(unshown))
