"""How well the world stories can be predicted at best."""

from math import comb, log

import numpy as np

from absorb.config import Stories, Told
from absorb.sites import STORY_CONCEPTS
from absorb.worlds import grammar
from absorb.worlds.stories import outcomes


def best_loss(world: Stories) -> float:
    """Least mean cross-entropy of a training story's `length` predictions, in nats.

    A story tells by itself how it was drawn, all draws within an outcome are uniform, and the first
    token is always the same: so the mean is the entropy of the draws over the length.
    """
    carried_KC, p_K = outcomes(world)
    inside_K = np.array([_story(world, carried_C) for carried_C in carried_KC])
    surprise_K = -np.log(np.where(p_K > 0, p_K, 1.0))
    return float(p_K @ (inside_K + surprise_K)) / world.length


def _story(world: Told, carried_C: np.ndarray) -> float:
    """Nats in a story that carries these concepts."""
    carried = [name for name, has in zip(STORY_CONCEPTS, carried_C, strict=True) if has]
    sides = (world.length - grammar.PLOT_TOKENS) // grammar.SIDE_TOKENS
    named = [name for name in carried if name in grammar.SIDE_KINDS for _ in range(sides // 2)]
    kinds = named + ["generic"] * (sides - len(named))
    orders = sum(log(i + 1) for i in range(sides))
    orders -= sum(log(i + 1) for kind in set(kinds) for i in range(kinds.count(kind)))
    merges = log(comb(len(grammar.PLOT) + sides, sides))
    free = sum(name not in carried for name in ("trait", "trait_two"))
    return _plot(world) + free * log(2) + orders + merges + sum(_side(world, k) for k in kinds)


def _plot(world: Told) -> float:
    """Who, what, where; the other one and thing; whether X stays, and whether X likes first."""
    others = log(len(grammar.NAMES) - 1) + log(len(grammar.THINGS) - 1)
    texts = sum(_uniform(world, texts) for texts in grammar.PLOT.values())
    return _facts(world, grammar.plot_facts()) + others + 2 * log(2) + texts


def _side(world: Told, kind: str) -> float:
    texts = grammar.ABOUT_TOPIC if kind in grammar.TOPICS else grammar.ABOUT_SCENES
    return _facts(world, grammar.side_facts(kind)) + _uniform(world, texts)


def _facts(world: Told, facts: grammar.Facts) -> float:
    told = (~facts.held_out).sum() if world.held_out == "fact" else len(facts.rows)
    return log(told)


def _uniform(world: Told, texts: tuple[str, ...]) -> float:
    return log(len(texts) - (world.held_out == "template"))
