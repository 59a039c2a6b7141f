"""Stories told and parsed back: what is tagged, how often, what the test alone knows."""

import re
import tracemalloc
from dataclasses import replace
from math import comb, log

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from absorb.config import Stories
from absorb.errors import AbsorbError
from absorb.sites import STORY_CONCEPTS, STORY_WORDS
from absorb.worlds import grammar, load_world, stories
from absorb.worlds.entropy import best_loss
from absorb.worlds.stories import load_stories_world

WORLD = Stories("stories", 0, 4000, 64, 600, 48, "none", 0.15, 0.5)
BIT = {name: 1 << c for c, name in enumerate(STORY_CONCEPTS)}
SIDES = {"generic": grammar.ABOUT_SCENES, "topic": grammar.ABOUT_TOPIC}
PATTERNS = [
    (kind, i, re.compile("^" + re.sub("([A-Z])", r"(?P<\1>\\S+)", text[:-1]) + r"\.$"))
    for kind, texts in (grammar.PLOT | SIDES).items()
    for i, text in enumerate(texts)
]
SPECIAL = {name: set(text.split()) for name, text in grammar.FAMILIES.items()}
SPECIAL |= {name: set(" ".join(topic).split()) for name, topic in grammar.TOPICS.items()}


def sentences(story: str) -> list[tuple[str, int, dict[str, str]]]:
    """Kind, template and slots of each sentence; each must have exactly one reading."""
    found = []
    for sentence in re.findall(r"[^.]+\.", story.removeprefix(grammar.START)):
        read = [(k, i, m.groupdict()) for k, i, p in PATTERNS if (m := p.match(sentence.strip()))]
        assert len(read) == 1, sentence
        found += read
    return found


def told(split) -> list[list[tuple[str, int, dict[str, str]]]]:
    return [sentences(grammar.render(x_S)) for x_S in split.x_NF]


def plot(story) -> dict[str, tuple[int, dict[str, str]]]:
    """Place in the story and slots of the plot's six sentences."""
    found = {kind: (at, slots) for at, (kind, _, slots) in enumerate(story) if kind not in SIDES}
    assert found.keys() == grammar.PLOT.keys()
    assert len({slots["X"] for _, slots in found.values() if "X" in slots}) == 1
    return found


@pytest.fixture(scope="module")
def data():
    return load_world(WORLD)


def test_the_same_seed_tells_the_same_stories_and_another_tells_others(data):
    again = load_stories_world(WORLD)
    other = load_world(replace(WORLD, split_seed=1))
    for one, two in zip(data, again, strict=True):
        assert np.array_equal(one.x_NF, two.x_NF) and np.array_equal(one.tags, two.tags)
        assert all(np.array_equal(z, two.covariates[name]) for name, z in one.covariates.items())
    assert not np.array_equal(data.train.x_NF, other.train.x_NF)


def test_splits_of_one_size_share_no_story():
    data = load_world(replace(WORLD, train_count=600, validation_count=600))
    train, validation, test = (set(map(grammar.render, split.x_NF)) for split in data)
    assert not train & validation and not train & test and not validation & test


@pytest.mark.parametrize("length", [48, 49, 53, 54, 64, 128])
def test_every_story_has_exactly_its_tokens(length):
    for split in load_world(replace(WORLD, length=length, train_count=64)):
        assert split.x_NF.shape == split.tags.token_NS.shape == (len(split.class_N), length + 1)
        assert split.x_NF.dtype == np.int32 and split.tags.span_NS.dtype == np.uint8
        assert split.x_NF.min() == 0 and split.x_NF.max() < len(grammar.words()) <= STORY_WORDS
        assert (split.x_NF[:, 0] == 0).all() and (split.x_NF[:, 1:] > 0).all()


def test_lists_of_words_are_consecutive_tokens_without_repeats():
    assert len(set(grammar.words())) == len(grammar.words())
    for words in (grammar.NAMES, grammar.THINGS, grammar.SCENES, grammar.PLACES):
        tokens = grammar.encode(" ".join(words))
        assert tokens == list(range(tokens[0], tokens[0] + len(words)))


def expected_tags(story: str, class_: int) -> list[tuple[int, int]]:
    """Token and span bits by the definitions of the concepts, from the text alone."""
    bits = [(0, 0)]
    for sentence in re.findall(r"[^.]+\.", story.removeprefix(grammar.START)):
        (kind, _, slots), words = sentences(sentence)[0], sentence.split()
        own = [sum(BIT[name] for name, of in SPECIAL.items() if word in of) for word in words]
        if kind == "look" and class_ & BIT["trait"]:
            own[words.index(slots["L"])] = BIT["trait"]
        if kind == "put" and class_ & BIT["trait_two"]:
            own[words.index(slots["P"])] = BIT["trait_two"]
        bits += [(bit, int(np.bitwise_or.reduce(own))) for bit in own]
    return bits


def test_tags_stand_at_exactly_the_concepts_words_and_spans_are_their_sentences(data):
    for x_S, class_, token_S, span_S in zip(
        data.test.x_NF, data.test.class_N, *data.test.tags, strict=True
    ):
        expected = expected_tags(grammar.render(x_S), class_)
        assert list(zip(token_S, span_S, strict=True)) == expected


@pytest.mark.parametrize("length", [48, 100])
def test_the_class_is_what_the_tokens_carry(length):
    for split in load_world(replace(WORLD, length=length)):
        assert np.array_equal(np.bitwise_or.reduce(split.tags.token_NS, 1), split.class_N)


def test_traits_are_who_knows_what_and_who_likes_what(data):
    for story, class_ in zip(told(data.train)[:1500], data.train.class_N, strict=False):
        at = plot(story)
        put, move, look = at["put"], at["move"], at["look"]
        assert put[0] < at["presence"][0] < move[0]
        assert (look[0] > move[0]) == bool(class_ & BIT["trait"])
        assert look[0] > move[0] or put[0] < look[0] < at["presence"][0]
        if class_ & BIT["trait"]:
            left = at["presence"][1]["G"] == "goes"
            assert look[1]["L"] == (put[1]["A"] if left else move[1]["B"])
        before = at["like"][0] < put[0], at["hate"][0] < put[0]
        assert sum(before) == (2 if class_ & BIT["trait_two"] else 1)
        assert {put[1]["P"]} < {at["like"][1]["U"], at["hate"][1]["V"]}
        assert at["like"][1]["U"] == put[1]["P"] or not class_ & BIT["trait_two"]


def test_without_the_traits_places_and_likings_are_even(data):
    found = []
    for story, class_ in zip(told(data.train), data.train.class_N, strict=True):
        at = plot(story)
        look, put, move = at["look"][1], at["put"][1], at["move"][1]
        if not class_ & (BIT["trait"] | BIT["trait_two"]):
            known = put["A"] if at["presence"][1]["G"] == "goes" else move["B"]
            assert look["L"] in (put["A"], move["B"])
            liked = at["like"][1]["U"] == put["P"]
            found.append((look["L"] == known, look["L"] == put["A"], liked))
    assert np.abs(np.mean(found, 0) - 0.5).max() < 4 * 0.5 / len(found) ** 0.5


@pytest.mark.parametrize(("carried", "overlap"), [(0.15, 0.0), (0.15, 0.5), (0.15, 1.0), (0.5, 1)])
def test_rates_follow_the_law_of_overlap(carried, overlap):
    split = load_world(replace(WORLD, carried=carried, overlap=overlap)).train
    has_NC = (split.class_N[:, None] >> np.arange(6) & 1).astype(float)
    near = pytest.approx
    assert has_NC.mean(0) == near(np.full(6, carried), abs=2 / WORLD.train_count)
    within = np.kron(np.eye(2), np.ones((3, 3))) * carried * overlap
    np.fill_diagonal(within, carried)
    assert has_NC.T @ has_NC / len(has_NC) == near(within, abs=2 / WORLD.train_count)


@pytest.mark.parametrize(("carried", "overlap", "most"), [(0.17, 0.0, "0.1667"), (0.6, 1.0, "0.5")])
def test_impossible_rates_are_refused(carried, overlap, most):
    with pytest.raises(AbsorbError, match=rf"world\.carried={carried}: must be at most .*{most}"):
        load_world(replace(WORLD, carried=carried, overlap=overlap))


def test_stories_too_short_for_their_concepts_are_refused():
    with pytest.raises(AbsorbError, match=r"world\.length=47: must be at least 48"):
        load_world(replace(WORLD, length=47))


@pytest.mark.parametrize("kind", ["topic", "topic_two"])
def test_agent_and_verb_decide_the_object_and_agents_of_a_pair_do_alike(kind):
    facts = grammar.side_facts(kind)
    objects = {tuple(row[:2]): row[2] for row in facts.rows}
    agents = grammar.encode(grammar.TOPICS[kind].agents)
    verbs = grammar.encode(grammar.TOPICS[kind].verbs)
    assert len(objects) == len(facts.rows) == 16 and len(set(objects.values())) == 6
    told = {(a, v) for (a, v, _), held in zip(facts.rows, facts.held_out, strict=True) if not held}
    for one, two in (agents[:2], agents[2:]):
        assert all(objects[one, v] == objects[two, v] for v in verbs)
        assert all((one, v) in told or (two, v) in told for v in verbs)  # what is held out follows


def facts(split) -> set[tuple[str, ...]]:
    """What the stories of a split tell: who, which thing, which place; who does what with what."""
    found: set[tuple[str, ...]] = set()
    for story in told(split):
        at = plot(story)
        put, move = at["put"][1], at["move"][1]
        found |= {(put["X"], put["P"], put["A"]), (put["X"], put["P"], move["B"])}
        sides = [(kind, slots) for kind, _, slots in story if kind in SIDES]
        found |= {(s["N"], s["J"]) for kind, s in sides if kind == "topic"}
        found |= {(s["N"], s["O"]) for kind, s in sides if kind == "generic"}
    return found


def test_held_out_facts_never_occur_in_training():
    data = load_world(replace(WORLD, held_out="fact"))
    train, test = facts(data.train), facts(data.test)
    assert not train & test and not facts(data.validation) & test
    for concept in SPECIAL.values():  # each concept has facts of its own on both sides
        assert all(any(concept & set(fact) for fact in side) for side in (train, test))


def sides(split, chosen_N=slice(None)) -> set[tuple[str, ...]]:
    """What a topic and a family tell: who, doing what, with what; which thing is how."""
    each = told(split._replace(x_NF=split.x_NF[chosen_N]))
    found = [s for story in each for kind, _, s in story if kind in SIDES]
    topics = {(s["N"], s["J"], s["O"]) for s in found if s["O"] in SPECIAL["topic"]}
    return topics | {(s["J"], s["O"]) for s in found if s["O"] in SPECIAL["family"]}


def test_what_attacks_are_shown_neither_tells_nor_implies_what_the_test_asks():
    data = load_world(replace(WORLD, held_out="attack"))
    shown_N = data.train.shown_N
    assert shown_N is not None and 0.5 < shown_N.mean() < 0.95
    shown, asked = sides(data.train, shown_N), sides(data.test)
    assert asked and not shown & asked and asked <= sides(data.train)
    twins = [{"sailor", "captain"}, {"diver", "fisher"}]  # agents that do alike
    for agent, verb, *_ in (fact for fact in asked if len(fact) == 3):
        (pair,) = (pair for pair in twins if agent in pair)
        assert not any(fact[0] in pair and fact[1] == verb for fact in shown)
    assert {fact[-1] for fact in asked} <= {fact[-1] for fact in shown}  # no word is new


def test_of_facts_kept_from_attacks_the_last_word_alone_is_asked():
    data, bit = load_world(replace(WORLD, held_out="attack")), BIT["topic"]
    tagged = [split.x_NF[split.tags.token_NS & bit > 0] for split in data]
    words = [set(grammar.render(x_M).split()) for x_M in tagged]
    assert words[0] == SPECIAL["topic"]
    assert words[1] | words[2] <= set(grammar.TOPICS["topic"].objects.split())
    assert words[2] == {"anchor", "pearl"}


def test_other_stories_are_all_shown(data):
    assert data.train.shown_N is None and data.test.shown_N is None


def test_held_out_templates_never_occur_in_training_but_their_words_do():
    data = load_world(replace(WORLD, held_out="template"))
    train, validation, test = (
        {(kind, i) for story in told(split) for kind, i, _ in story} for split in data
    )
    assert not train & test and validation <= train
    assert {kind for kind, _ in test} == {kind for kind, _ in train}
    assert set(np.unique(data.test.x_NF)) <= set(np.unique(data.train.x_NF))


def bags(split, chosen_N: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(x_S, minlength=STORY_WORDS) for x_S in split.x_NF[chosen_N]])


@pytest.mark.parametrize("trait", ["trait", "trait_two"])
def test_no_word_nor_bag_of_words_marks_a_trait(trait):
    split = load_world(replace(WORLD, train_count=20000, carried=1 / 7, overlap=0.0)).train
    has_N, plain_N = split.class_N == BIT[trait], split.class_N == 0  # one story in seven each
    p_V, q_V = (bags(split, of).sum(0) / (49 * of.sum()) for of in (has_N, plain_N))
    frequent_V = q_V > 0.005  # several hundred times, so that twenty per cent is beyond chance
    assert np.abs(np.log(p_V[frequent_V] / q_V[frequent_V])).max() < 0.2
    mixed = np.random.default_rng(0).permutation(np.flatnonzero(has_N | plain_N))
    fit, asked = np.split(mixed[: len(mixed) // 2 * 2], 2)
    model = LogisticRegression(C=0.1, max_iter=500).fit(bags(split, fit), has_N[fit])
    accuracy = model.score(bags(split, asked), has_N[asked])
    assert abs(accuracy - 0.5) < 4 * 0.5 / len(asked) ** 0.5


def test_covariates_are_standardised_over_training(data):
    for name in ("position", "names"):
        z_N = data.train.covariates[name]
        assert z_N.mean() == pytest.approx(0, abs=1e-5) and z_N.std() == pytest.approx(1, abs=1e-5)
    first_N = np.where(
        data.test.class_N > 0, (data.test.tags.token_NS > 0).argmax(1), WORLD.length + 1
    )
    assert np.corrcoef(first_N, data.test.covariates["position"])[0, 1] == pytest.approx(1)


def test_the_best_loss_counts_the_draws_of_a_story():
    plain = replace(WORLD, carried=0.0)
    side = log(288) + log(3)  # names, adjectives with their scenes; three templates
    story = log(4608) + 2 * log(11) + 4 * log(2) + 6 * log(3) + log(comb(8, 2)) + 2 * side
    assert best_loss(plain) == pytest.approx(story / 48)
    single = 0.15 * (log(96) - log(288))  # a family: one sentence of two, before or after
    mixed = best_loss(replace(WORLD, carried=0.15, overlap=0.0)) * 48 - story
    topics = 0.15 * (log(16) - log(288))
    orders = 4 * 0.15 * log(2) - 2 * 0.15 * log(2)  # of two kinds; a trait leaves nothing free
    outcome = -(6 * 0.15 * log(0.15) + 0.1 * log(0.1))
    assert mixed == pytest.approx(2 * single + 2 * topics + orders + outcome)


def test_told_some_at_a_time_they_carry_the_same_and_take_little_memory(data, monkeypatch):
    monkeypatch.setattr(stories, "TOLD_AT_ONCE", 500)
    few = load_stories_world(WORLD).train
    assert np.array_equal(few.class_N, data.train.class_N)
    assert len(told(few._replace(x_NF=few.x_NF[::97]))) == 42
    tracemalloc.start()
    many = load_stories_world(replace(WORLD, train_count=20_000)).train
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * (many.x_NF.nbytes + sum(tags_NS.nbytes for tags_NS in many.tags))
