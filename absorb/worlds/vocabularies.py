"""From text to tokens: characters, or byte pairs."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from absorb.errors import AbsorbError

BYTES = 256


class Tokenized(NamedTuple):
    """Tokens, and the character at which each starts."""

    token_M: np.ndarray
    start_M: np.ndarray


Encode = Callable[[str], Tokenized]


def characters(size: int, texts: list[str], _: list[str]) -> Encode:
    """One token for each character of the file, in the order of their code points.

    Errors: AbsorbError naming how many there are, where that is more than `size`.
    """
    known = sorted(set().union(*texts))
    if len(known) > size:
        raise AbsorbError(
            f"world.vocabulary={size}: must be at least {len(known)}, the characters of the file"
        )
    point_V = np.array([ord(character) for character in known])

    def encode(text: str) -> Tokenized:
        point_M = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        return Tokenized(np.searchsorted(point_V, point_M), np.arange(len(text)))

    return encode


def pairs(size: int, _: list[str], train: list[str]) -> Encode:
    """Byte pairs of the training split, at most `size` tokens, the first 256 of them bytes.

    Merged are bytes within a word and the space before it (Radford et al. 2019), so that no text is
    unknown.
    Errors: AbsorbError where `size` has no room for the bytes.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    if size < BYTES:
        raise AbsorbError(
            f"world.vocabulary={size}: must be at least {BYTES} with world.tokenizer='pairs', "
            "one for each byte"
        )
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    trainer = BpeTrainer(
        vocab_size=size, show_progress=False, initial_alphabet=ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(train, trainer)

    def encode(text: str) -> Tokenized:
        found = tokenizer.encode(text)
        starts = np.array([start for start, _ in found.offsets], int)
        return Tokenized(np.array(found.ids, int), starts)

    return encode


VOCABULARIES = {"characters": characters, "pairs": pairs}
