"""Short stories from a grammar, with concepts from a family of words to who knows what.

Every story has the plot of `grammar.PLOT`: X likes one thing and hates another; X puts one of them
in a place; X goes out or stays; Y moves the thing; X looks for it. The traits are in the *order*
alone:

- `trait`: X looks afterwards, where X must believe the thing to be: in the first place after going
  out, in the second after staying. Otherwise X looks before that, in either.
- `trait_two`: X likes and hates first, and then puts away what X likes. Otherwise only one of the
  two comes first and the other at the end, and X may have put away either.

Stories with and without a trait thus have the same distribution of bags of words; what is tagged is
the place X looks in, or the thing X puts away. Families and topics have sentences of their own
between those of the plot, in which their words are tagged; other stories have sentences about
scenes instead.
"""

from typing import NamedTuple

import jax
import numpy as np

from absorb.config import Stories, Told
from absorb.errors import AbsorbError
from absorb.sites import STORY_CONCEPTS
from absorb.world_config import TOLD_AT_ONCE
from absorb.worlds import grammar
from absorb.worlds.data import Data, Split, Tags
from absorb.worlds.tokens import standardised

PAIRS = ((0, 1, 2), (3, 4, 5))  # concepts that share stories: family, topic and trait of a group
BIT = {name: np.uint8(1 << c) for c, name in enumerate(STORY_CONCEPTS)}
SHORTEST = grammar.PLOT_TOKENS + 2 * grammar.SIDE_TOKENS
LONGEST_SENTENCE = 8
LEADING = grammar.encode(" ".join(f"{t.agents} {t.verbs}" for t in grammar.TOPICS.values()))
KINDS = list(grammar.PLOT)


class Sentences(NamedTuple):
    """Tokens (..., 8), -1 where a sentence is over, and the concepts each carries.

    unshown: whether a sentence tells a fact that is kept from attacks, (...).
    """

    token: np.ndarray
    tag: np.ndarray
    unshown: np.ndarray


def load_stories_world(world: Stories) -> Data:
    """Stories drawn from `split_seed`; of the test split facts or templates are its own.

    Validation stories follow the rules of the training stories, so that what is chosen on them has
    seen no more of the test than training has. Covariates: `position`, where the first token of a
    concept stands (length + 1 where there is none), and `names`, how many words of the story are
    names.
    Errors: AbsorbError for stories too short for their concepts, or concepts too frequent.
    """
    check_stories(world)
    counts = (world.train_count, world.validation_count, world.test_count)
    parts = [tell(world, n, i) for i, n in enumerate(counts)]
    return Data(*standardised(parts))


def check_stories(world: Stories) -> None:
    """Refuse what the grammar cannot tell, naming key, value and bound."""
    check_length(world)
    most = 1 / (6 - 4 * world.overlap)
    if world.carried > most + 1e-9:
        raise AbsorbError(
            f"world.carried={world.carried:g}: must be at most 1 / (6 - 4 overlap) = {most:.4g} at "
            f"world.overlap={world.overlap:g}, since stories of different concepts are disjoint"
        )


def check_length(world: Told) -> None:
    """Refuse stories too short for their plot, naming key, value and bound."""
    if world.length < SHORTEST:
        raise AbsorbError(
            f"world.length={world.length}: must be at least {SHORTEST}, the tokens of a story "
            "with its plot and two more sentences"
        )


def outcomes(world: Stories) -> tuple[np.ndarray, np.ndarray]:
    """Which concepts a story may carry (K, 6), and with which probability (K,).

    All three concepts of a group with probability overlap * carried; each of the six alone with
    (1 - overlap) * carried; none otherwise. Each concept is thus in a story with probability
    `carried`, and one that carries it carries the other two of its group with probability
    `overlap`, and nothing else ever.
    """
    carried_KC = np.zeros((9, 6), bool)
    carried_KC[np.arange(1, 7), np.arange(6)] = True
    for row, group in zip(carried_KC[7:], PAIRS, strict=True):
        row[list(group)] = True
    alone, together = (1 - world.overlap) * world.carried, world.overlap * world.carried
    p_K = np.array([0, *6 * [alone], *2 * [together]])
    p_K[0] = max(0.0, 1 - p_K.sum())
    return carried_KC, p_K


def tell(world: Stories, count: int, part: int) -> Split:
    """`count` stories of split `part`; each outcome has its share of them, rounded."""
    rng = np.random.default_rng([world.split_seed, part])
    carried_KC, p_K = outcomes(world)
    edge_K = np.floor(np.cumsum(p_K) * count + 0.5).astype(int)
    edge_K[-1] = count
    kind_N = np.searchsorted(edge_K, rng.permutation(count), side="right")
    split = told(world, rng, carried_KC[kind_N], part == 2)
    return asked(world, split) if part else split


def told(world: Told, rng, carried_NC: np.ndarray, test: bool) -> Split:
    """A story for each row of the concepts that it carries, so many at once."""
    starts = range(0, len(carried_NC), TOLD_AT_ONCE)
    parts = [told_at_once(world, rng, carried_NC[i : i + TOLD_AT_ONCE], test) for i in starts]
    return jax.tree.map(lambda *arrays_N: np.concatenate(arrays_N), *parts)


def told_at_once(world: Told, rng, carried_NC: np.ndarray, test: bool) -> Split:
    """A story for each row of the concepts that it carries."""
    sides = (world.length - grammar.PLOT_TOKENS) // grammar.SIDE_TOKENS
    plot = _plot(world, rng, carried_NC, test)
    between = _sides(world, rng, carried_NC, sides, test)
    x_NS, tags = _interleaved(rng, plot, between, world.length + 1)
    class_N = (carried_NC * (1 << np.arange(6))).sum(1).astype(np.int32)
    shown_N = np.logical_not(between.unshown.any(1)) if world.held_out == "attack" else None
    return Split(x_NS, class_N, _covariates(x_NS, tags), tags, shown_N)


def asked(world: Told, split: Split) -> Split:
    """What is asked of validation and test stories: without what attacks teach of a topic.

    Where attacks are not shown some facts they make their agents and verbs less likely than they
    are; what these decide, the last word, they leave alone.
    """
    if world.held_out != "attack":
        return split
    assert split.tags is not None
    token_NS = split.tags.token_NS * ~np.isin(split.x_NF, LEADING)
    return split._replace(tags=split.tags._replace(token_NS=token_NS))


def _covariates(x_NS: np.ndarray, tags: Tags) -> dict[str, np.ndarray]:
    tagged_NS = tags.token_NS > 0
    first_N = np.where(tagged_NS.any(1), tagged_NS.argmax(1), x_NS.shape[1])
    names_N = np.isin(x_NS, grammar.encode(" ".join(grammar.NAMES))).sum(1)
    return {"position": first_N, "names": names_N}


def _drawn(world: Told, rng, facts: grammar.Facts, count: int, test: bool) -> grammar.Facts:
    """`count` facts, each as likely as the others that this split may tell."""
    allowed_F = np.ones(len(facts.rows), bool)
    if world.held_out == "fact":
        allowed_F = facts.held_out == test
    if world.held_out == "attack" and test and facts.unshown.any():
        allowed_F = facts.unshown
    at_N = np.flatnonzero(allowed_F)[rng.integers(allowed_F.sum(), size=count)]
    return grammar.Facts(*(column[at_N] for column in facts))


def _templates(world: Told, rng, codes: np.ndarray, count: int, test: bool) -> np.ndarray:
    """Templates (count, length), each as likely as the others that this split may use."""
    if world.held_out == "template":
        codes = codes[-1:] if test else codes[:-1]
    return codes[rng.integers(len(codes), size=count)]


def _filled(codes_NL: np.ndarray, values_NV: np.ndarray, tags_NV: np.ndarray,
            unshown_N: np.ndarray) -> Sentences:  # fmt: skip
    """Sentences with their slots filled, and the tags of what fills them, 8 tokens wide."""
    slot_NL = np.maximum(-1 - codes_NL, 0)
    token_NL = np.where(codes_NL < 0, np.take_along_axis(values_NV, slot_NL, 1), codes_NL)
    tag_NL = np.where(codes_NL < 0, np.take_along_axis(tags_NV, slot_NL, 1), 0)
    wide = ((0, 0), (0, LONGEST_SENTENCE - codes_NL.shape[1]))
    return Sentences(np.pad(token_NL, wide, constant_values=-1), np.pad(tag_NL, wide), unshown_N)


def _other(rng, taken_N: np.ndarray, among: tuple[str, ...]) -> np.ndarray:
    """A word of the list other than the one taken, each as likely."""
    word_W = np.array(grammar.encode(" ".join(among)))
    at_N = np.searchsorted(word_W, taken_N)  # words of a list have consecutive tokens
    return word_W[(at_N + rng.integers(1, len(word_W), len(at_N))) % len(word_W)]


def _plot(world: Told, rng, carried_NC: np.ndarray, test: bool) -> Sentences:
    """The six sentences of the plot, in the order that the story's traits give them."""
    n, trait_N, liking_N = len(carried_NC), carried_NC[:, 2], carried_NC[:, 5]
    facts = _drawn(world, rng, grammar.plot_facts(), n, test)
    x, p, a, b = facts.rows.T
    y, q = _other(rng, x, grammar.NAMES), _other(rng, p, grammar.THINGS)
    away_N = rng.random(n) < 0.5
    presence_2W = np.array([grammar.encode(" ".join(words)) for words in grammar.PRESENCE])
    goes, where = presence_2W[np.where(away_N, 0, 1)].T
    first_N = np.where(trait_N, away_N, rng.random(n) < 0.5)
    liked_N = liking_N | (rng.random(n) < 0.5)
    values = dict(X=x, Y=y, P=p, A=a, B=b, G=goes, H=where, L=np.where(first_N, a, b),
                  U=np.where(liked_N, p, q), V=np.where(liked_N, q, p))  # fmt: skip
    values_NV = np.stack([values[slot] for slot in grammar.PLOT_SLOTS], 1)
    sentences = {
        kind: _filled(
            _templates(world, rng, grammar.template_codes(texts, grammar.PLOT_SLOTS), n, test),
            values_NV, _plot_tags(kind, trait_N, liking_N), facts.unshown,
        ) for kind, texts in grammar.PLOT.items()
    }  # fmt: skip
    token, tag, unshown_NK = (np.stack(part, 1) for part in zip(*sentences.values(), strict=True))
    order_NK1 = _plot_order(trait_N, liking_N, rng.random(n) < 0.5)[:, :, None]
    token, tag = (np.take_along_axis(part, order_NK1, 1) for part in (token, tag))
    return Sentences(token, tag, unshown_NK)


def _plot_tags(kind: str, trait_N: np.ndarray, liking_N: np.ndarray) -> np.ndarray:
    """Tags of the slots: the place looked in, and the thing put away, where a trait tells them."""
    tags_NV = np.zeros((len(trait_N), len(grammar.PLOT_SLOTS)), np.uint8)
    if kind == "look":
        tags_NV[:, grammar.PLOT_SLOTS.index("L")] = trait_N * BIT["trait"]
    if kind == "put":
        tags_NV[:, grammar.PLOT_SLOTS.index("P")] = liking_N * BIT["trait_two"]
    return tags_NV


def _plot_order(trait_N: np.ndarray, liking_N: np.ndarray, swapped_N: np.ndarray) -> np.ndarray:
    """Which sentence of the plot comes first, second, ...: (N, 6)."""
    acts = np.where(trait_N[:, None], *_indices("put presence move look", "put look presence move"))
    likes = np.where(swapped_N[:, None], *_indices("hate like", "like hate"))
    before = np.concatenate([likes, acts], 1)
    around = np.concatenate([likes[:, :1], acts, likes[:, 1:]], 1)
    return np.where(liking_N[:, None], before, around)


def _indices(*orders: str) -> list[list[int]]:
    return [[KINDS.index(kind) for kind in order.split()] for order in orders]


def _sides(world: Told, rng, carried_NC: np.ndarray, sides: int, test: bool) -> Sentences:
    """Sentences beside the plot: half of them for each family or topic of the story, in any order.

    How many a concept has does not depend on what else the story carries.
    """
    share = sides // 2
    kind_NK = np.zeros((len(carried_NC), sides), int)
    for k, name in enumerate(grammar.SIDE_KINDS[1:], start=1):
        start = 0 if name in grammar.FAMILIES else share
        has_N = carried_NC[:, STORY_CONCEPTS.index(name)]
        kind_NK[has_N, start : start + share] = k
    kind_M = rng.permuted(kind_NK, axis=1).ravel()
    token_M8 = np.empty((kind_M.size, LONGEST_SENTENCE), int)
    tag_M8 = np.empty((kind_M.size, LONGEST_SENTENCE), np.uint8)
    unshown_M = np.empty(kind_M.size, bool)
    for k, name in enumerate(grammar.SIDE_KINDS):
        at = np.flatnonzero(kind_M == k)
        token_M8[at], tag_M8[at], unshown_M[at] = _side(world, rng, name, len(at), test)
    shape = (len(carried_NC), sides)
    wide = (*shape, LONGEST_SENTENCE)
    return Sentences(token_M8.reshape(wide), tag_M8.reshape(wide), unshown_M.reshape(shape))


def _side(world: Told, rng, kind: str, count: int, test: bool) -> Sentences:
    texts = grammar.ABOUT_TOPIC if kind in grammar.TOPICS else grammar.ABOUT_SCENES
    codes = grammar.template_codes(texts, grammar.SIDE_SLOTS)
    tagged_V = np.array([kind in grammar.TOPICS, kind in grammar.TOPICS, kind != "generic"])
    tags_NV = np.tile(tagged_V * BIT.get(kind, np.uint8(0)), (count, 1))
    facts = _drawn(world, rng, grammar.side_facts(kind), count, test)
    templates = _templates(world, rng, codes, count, test)
    return _filled(templates, facts.rows, tags_NV, facts.unshown)


def _interleaved(rng, plot: Sentences, sides: Sentences, length: int) -> tuple[np.ndarray, Tags]:
    """The plot with the other sentences anywhere between, after a start and before a closing.

    Every merge that keeps both orders is as likely.
    """
    n, total = len(plot.token), plot.token.shape[1] + sides.token.shape[1]
    is_side_NK = rng.random((n, total)).argsort(1) < sides.token.shape[1]
    order_NK = (~is_side_NK).argsort(1, kind="stable").argsort(1)[:, :, None]
    token, tag = (
        np.take_along_axis(np.concatenate(pair, 1), order_NK, 1)
        for pair in ((sides.token, plot.token), (sides.tag, plot.tag))
    )
    span = np.broadcast_to(np.bitwise_or.reduce(tag, 2, keepdims=True), tag.shape)
    said = token >= 0
    closing = grammar.encode(" ".join(grammar.CLOSING))
    rest = length - 1 - said[0].sum()

    def line(values: np.ndarray, start: int, end: list[int], kind: type) -> np.ndarray:
        ends = (np.full((n, 1), start), values[said].reshape(n, -1), np.tile(end[:rest], (n, 1)))
        return np.concatenate(ends, 1).astype(kind)

    silent = [0] * rest
    tags = Tags(line(tag, 0, silent, np.uint8), line(span, 0, silent, np.uint8))
    return line(token, 0, closing, np.int32), tags
