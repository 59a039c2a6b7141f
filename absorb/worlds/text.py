"""A local text in windows of tokens; concepts are lists of words, or columns of labels.

The file is cut into some hundred blocks of whole lines (rows of a Parquet file), which are dealt to
the splits: so the splits share no text, and each has something of every part of it. Windows lie
inside blocks; each begins with the last token of the one before, so that no token is predicted
twice.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from absorb.config import Text
from absorb.errors import AbsorbError
from absorb.worlds.data import Data, Split, Tags
from absorb.worlds.textfile import Units, label_columns, read_units
from absorb.worlds.tokens import standardised
from absorb.worlds.vocabularies import VOCABULARIES, Tokenized

BLOCKS = (10, 400)
BLOCK_WINDOWS = 16  # how long a block is at least, in windows of as many characters
SPAN = re.compile(r"[^.!?\n]*[.!?\n]+|[^.!?\n]+$")


class Block(NamedTuple):
    """A contiguous piece of the text, where in it it begins (0 to 1), and its labels.

    Bit c of `tags_C`: the character is of a row labelled with concept c.
    """

    text: str
    place: float
    tags_C: np.ndarray


def load_text_world(world: Text) -> Data:
    """Windows of length + 1 tokens with the concepts of each token tagged.

    A token carries a concept where it is part of one of its words: a whole word, upper or lower
    case. Its span goes to the ends of the line or sentence. Of a concept that is a column of
    labels every token of a labelled row is one, and its span. A window carries what those of its
    tokens carry that are predicted: all but the first. Covariates: `position`, where in the window
    the first such token of any concept stands (length + 1 where there is none), and `place`, where
    in the file the window's block begins.
    Errors: AbsorbError for a file that is missing, not text or too short, for a vocabulary too
    small, for a concept without words.
    """
    labels = label_columns(world)
    patterns = {c: pattern(words) for c, words in enumerate(world.concepts) if c not in labels}
    blocks = cut_into_blocks(read_units(world), BLOCK_WINDOWS * (world.length + 1))
    dealt = deal(world, blocks)
    encode = VOCABULARIES[world.tokenizer](
        world.vocabulary, [b.text for b in blocks], [b.text for b in dealt[0]]
    )
    parts = [_windows(world, part, encode, patterns) for part in dealt]
    for name, part in zip(("training", "validation", "test"), parts, strict=True):
        if not len(part.x_NF):
            raise AbsorbError(
                f"world.length={world.length}: no {name} block has as many as {world.length + 1} "
                f"tokens; the file's {len(blocks)} blocks have about "
                f"{len(encode(blocks[0].text).token_M)}"
            )
    return Data(*standardised(parts))


def pattern(words: str) -> re.Pattern[str]:
    """What finds the words of a concept, each whole and in upper or lower case."""
    if not words.split():
        raise AbsorbError(f"world.concepts: {words!r} must name at least one word")
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words.split()))})\b", re.IGNORECASE)


def cut_into_blocks(units: Units, least: int) -> list[Block]:
    """Contiguous blocks of similar length, at least `least` characters where the text allows.

    Between words where lines are too few.
    """
    fewest, most = BLOCKS
    texts = units.texts
    tags_C = np.repeat(units.tags_U, [len(text) for text in texts])
    count = min(max(len(tags_C) // least, fewest), most)
    if len(texts) < count:
        texts = re.findall(r"\S*\s+|\S+", "".join(texts))
    end_U = np.cumsum([len(text) for text in texts])
    start_U = np.concatenate([[0], end_U[:-1]])
    block_U = start_U * count // len(tags_C)
    edges = [0, *np.flatnonzero(np.diff(block_U)) + 1, len(texts)]
    return [
        Block(
            "".join(texts[i:j]), float(start_U[i] / len(tags_C)), tags_C[start_U[i] : end_U[j - 1]]
        )
        for i, j in pairwise(edges)
    ]


def deal(world: Text, blocks: list[Block]) -> tuple[list[Block], list[Block], list[Block]]:
    """The blocks of training, validation and test, each in the order of the file.

    Test and validation blocks lie at even distances, so that each part of the file gives its share;
    `split_seed` decides where they start.
    """
    if len(blocks) < 3:
        raise AbsorbError(f"world.path: the file has {len(blocks)} words; must have at least 3")
    rng = np.random.default_rng(world.split_seed)
    rest, parts = np.arange(len(blocks)), []
    for share in (world.test, world.validation):
        count = max(1, round(share * len(blocks)))
        chosen = ((np.arange(count) + rng.random()) * len(rest) / count).astype(int)
        parts.append(rest[chosen])
        rest = np.delete(rest, chosen)
    test, validation = parts
    train, validation, test = ([blocks[i] for i in part] for part in (rest, validation, test))
    return train, validation, test


def _windows(world: Text, blocks: list[Block], encode, patterns) -> Split:
    found = [_block(world, block, encode(block.text), patterns) for block in blocks]
    token, own, span = (np.concatenate([f[i] for f in found]) for i in range(3))
    place_N = np.repeat([b.place for b in blocks], [len(f[0]) for f in found])
    tags = Tags(own.astype(np.uint8), span.astype(np.uint8))
    predicted_NT = own[:, 1:] > 0  # nothing before a window's first token predicts it
    first_N = np.where(predicted_NT.any(1), predicted_NT.argmax(1) + 1, world.length + 1)
    class_N = np.bitwise_or.reduce(tags.token_NS[:, 1:], 1).astype(np.int32)
    covariates = {"position": first_N, "place": place_N}
    return Split(token.astype(np.int32), class_N, covariates, tags)


def _block(world: Text, block: Block, tokens: Tokenized, patterns) -> list[np.ndarray]:
    """Tokens, their tags and those of their spans, each (windows, length + 1)."""
    own_C, span_C = (t | block.tags_C for t in tags_of_characters(block.text, patterns))
    starts = tokens.start_M
    lines = [tokens.token_M, *(np.bitwise_or.reduceat(t, starts) for t in (own_C, span_C))]
    count = max(0, (len(starts) - 1) // world.length)
    at = np.arange(count)[:, None] * world.length + np.arange(world.length + 1)
    return [line[at] for line in lines]


def tags_of_characters(
    text: str, patterns: Mapping[int, re.Pattern[str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Bit c at each character of a word of concept c, and of the line or sentence around it."""
    own_C, span_C = np.zeros(len(text), np.uint8), np.zeros(len(text), np.uint8)
    for bit, start, end in _matches(text, patterns):
        own_C[start:end] |= bit
    for found in SPAN.finditer(text):
        span_C[found.start() : found.end()] = np.bitwise_or.reduce(
            own_C[found.start() : found.end()]
        )
    return own_C, span_C


def _matches(text: str, patterns: Mapping[int, re.Pattern[str]]) -> Iterator[tuple[int, int, int]]:
    for c, pattern in patterns.items():
        for found in pattern.finditer(text):
            yield 1 << c, found.start(), found.end()
