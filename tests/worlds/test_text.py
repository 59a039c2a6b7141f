"""Local files as a user may have them: what is tagged, what is shared, what is refused."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from absorb.config import Text
from absorb.errors import AbsorbError
from absorb.identity import run_id
from absorb.worlds import load_world
from absorb.worlds.data import Tags
from absorb.worlds.text import cut_into_blocks, deal, load_text_world, pattern, tags_of_characters
from absorb.worlds.textfile import Units, read_units
from absorb.worlds.vocabularies import pairs
from sweeps.app import compose

LINES = 900


def line(i: int) -> str:
    """No two lines are alike, so that a window says where it is from."""
    words = ["The King's man", "a queen, royal", "kingly dogs ran", "nobody came"]
    return f"{i:04d} {words[i % 4]} to town{'.' if i % 3 else '! Then rest.'}"


@pytest.fixture
def world(tmp_path) -> Text:
    path = tmp_path / "some.txt"
    path.write_text("\n".join(map(line, range(LINES))) + "\n", encoding="utf-8")
    concepts = ("king queen", "dogs", "nobody")
    return Text("text", str(path), "", "text", 0, "characters", 64, 24, 0.2, 0.1, concepts)


def alphabet(world: Text) -> list[str]:
    return sorted(set(Path(world.path).read_bytes().decode()))


def texts(world: Text, split) -> list[str]:
    known = alphabet(world)
    return ["".join(known[i] for i in x_S) for x_S in split.x_NF]


def numbers(world: Text, split) -> set[str]:
    return {n for text in texts(world, split) for n in re.findall(r"\d{4}", text)}


def test_windows_are_pieces_of_the_file_and_splits_share_none(world):
    data = load_world(world)
    whole = "\n".join(map(line, range(LINES))) + "\n"
    for split in data:
        assert split.x_NF.shape[1] == 25 and split.x_NF.dtype == np.int32
        assert all(text in whole for text in texts(world, split))
    train, validation, test = (numbers(world, split) for split in data)
    assert not train & validation and not train & test and not validation & test
    assert len(train | validation | test) > 0.9 * LINES
    assert len(test) == pytest.approx(0.1 * LINES, rel=0.15)
    assert len(validation) == pytest.approx(0.2 * LINES, rel=0.15)


def test_every_window_begins_where_the_one_before_ended(world):
    x_NS = load_world(world).train.x_NF
    assert np.mean(x_NS[1:, 0] == x_NS[:-1, -1]) > 0.9  # all but the first of each block


def test_every_part_of_the_file_gives_its_share(world):
    for split in load_world(world):
        place_N = [int(n) / LINES for n in sorted(numbers(world, split))]
        assert np.mean(place_N) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("tokenizer", ["characters", "pairs"])
def test_the_same_seed_cuts_the_same_windows_and_another_cuts_others(world, tokenizer):
    world = replace(world, tokenizer=tokenizer, vocabulary=300)
    one, two = load_text_world(world), load_text_world(world)
    other = load_text_world(replace(world, split_seed=1))
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.x_NF, b.x_NF) and np.array_equal(a.tags, b.tags)
    assert not np.array_equal(one.test.x_NF, other.test.x_NF)


def test_characters_are_tagged_word_by_word_and_spans_end_with_line_or_sentence():
    text = "Go, KING's man! dogs ran\nking kings\nviking"
    own, span = tags_of_characters(text, {0: pattern("king queen"), 1: pattern("dogs")})
    marks = "".join(map(str, own)), "".join(map(str, span))
    assert marks[0] == "0000" + "1111" + "0" * 8 + "2222" + "0" * 5 + "1111" + "0" * 13
    assert marks[1] == "1" * 15 + "2" * 10 + "1" * 11 + "0" * 6
    assert len(text) == len(marks[0]) == len(marks[1])


@pytest.mark.parametrize("tokenizer", ["characters", "pairs"])
def test_tags_of_tokens_cover_the_words_and_make_the_class(world, tokenizer):
    data = load_text_world(replace(world, tokenizer=tokenizer, vocabulary=320))
    for split in data:
        token_NS, span_NS = split.tags
        assert np.array_equal(np.bitwise_or.reduce(token_NS[:, 1:], 1), split.class_N)
        assert (token_NS & ~span_NS == 0).all() and (token_NS != span_NS).any()
    if tokenizer == "characters":
        for text, token_S in zip(texts(world, data.test), data.test.tags.token_NS, strict=True):
            tagged = "".join(c if t & 1 else " " for c, t in zip(text, token_S, strict=True))
            inner = tagged[6:-6]  # a window may cut a word at either end
            assert set(re.findall(r"(?<= )\S+(?= )", inner)) <= {"King", "queen"}


def test_a_window_does_not_carry_a_concept_of_its_first_token_alone(world):
    train = load_text_world(replace(world, concepts=("a",), length=20)).train
    tagged_NS = train.tags.token_NS > 0
    only_first_N = tagged_NS[:, 0] & ~tagged_NS[:, 1:].any(1)
    assert only_first_N.any() and not train.class_N[only_first_N].any()
    z_N = train.covariates["position"]
    assert (z_N[only_first_N] == z_N.max()).all()


def test_byte_pairs_know_every_text_and_point_at_its_characters():
    encode = pairs(280, [], ["the king and the king and the queen"] * 5)
    text = "the king é 中 queen"
    found = encode(text)
    assert len(found.token_M) == len(found.start_M) and found.token_M.max() < 280
    assert found.start_M[0] == 0 and (np.diff(found.start_M) >= 0).all()
    assert set(found.start_M) >= {text.index("é"), text.index("中")}
    assert len(encode("the king").token_M) < len("the king")
    shorter = pairs(256, [], ["the king"])
    assert len(shorter("the king").token_M) == len("the king")


def test_byte_pairs_are_those_of_the_training_split():
    train, other = ["ab ab ab"] * 9, ["xy xy xy"] * 99
    encode = pairs(258, [*train, *other], train)
    assert len(encode("ab").token_M) == 1 and len(encode("xy").token_M) == 2


def test_a_world_learns_its_byte_pairs_from_its_training_blocks(world):
    world = replace(world, tokenizer="pairs", vocabulary=300)
    train = deal(world, cut_into_blocks(read_units(world), 16 * 25))[0]
    encode = pairs(300, [], [block.text for block in train])
    assert np.array_equal(load_world(world).train.x_NF[0], encode(train[0].text).token_M[:25])


def test_covariates_say_where_the_concept_and_where_the_window_is(world):
    split = load_world(world).train
    predicted_NT = split.tags.token_NS[:, 1:] > 0
    first_N = np.where(split.class_N > 0, predicted_NT.argmax(1) + 1, world.length + 1)
    assert np.corrcoef(first_N, split.covariates["position"])[0, 1] == pytest.approx(1)
    assert (np.diff(split.covariates["place"]) >= 0).all()
    for z_N in split.covariates.values():
        assert z_N.mean() == pytest.approx(0, abs=1e-5) and z_N.std() == pytest.approx(1, abs=1e-5)


def test_a_column_of_a_parquet_file_is_read_like_its_lines(world, tmp_path):
    path, rows = tmp_path / "some.parquet", list(map(line, range(LINES)))
    pq.write_table(pa.table({"story": [None, *rows], "id": range(LINES + 1)}), path)
    found = load_world(replace(world, path=str(path), column="story"))
    for one, two in zip(found, load_world(world), strict=True):
        assert np.array_equal(one.x_NF, two.x_NF)
    with pytest.raises(AbsorbError, match=r"world.column='text': .*some.parquet has .* story"):
        load_world(replace(world, path=str(path)))
    with pytest.raises(AbsorbError, match=r"world.column='id': .* has the columns of text story"):
        load_world(replace(world, path=str(path), column="id"))


@pytest.fixture
def labelled(world, tmp_path) -> Text:
    """The lines of `world` as rows, each tenth of which is labelled: by 2 or by true."""
    own = [2 * (i % 10 == 0) for i in range(LINES)]
    columns = {"text": list(map(line, range(LINES))), "secret": own, "hidden": [i > 0 for i in own]}
    pq.write_table(pa.table({**columns, "unsure": [None, *own[1:]]}), tmp_path / "some.parquet")
    concepts = ("dogs", "column:secret", "column:hidden")
    return replace(world, path=str(tmp_path / "some.parquet"), concepts=concepts)


def test_a_concept_is_a_column_of_labels(labelled):
    for split in load_world(labelled):
        assert isinstance(split.tags, Tags)
        for tag_NS in split.tags:
            assert np.array_equal(tag_NS >> 1 & 1, tag_NS >> 2 & 1)
        both_NS = np.array([tag_NS >> 1 & 1 for tag_NS in split.tags])
        assert np.array_equal(*both_NS) and both_NS.any()
        assert np.array_equal(split.class_N >> 1 & 1, both_NS[0][:, 1:].any(1))


def test_every_token_of_a_labelled_row_carries_its_concept_and_no_other_does(labelled):
    block, *_ = cut_into_blocks(read_units(labelled), 10**6)
    own_C = np.concatenate([np.full(len(line(i)) + 1, 6 * (i % 10 == 0)) for i in range(LINES)])
    assert np.array_equal(block.tags_C, own_C[: len(block.text)])
    few = Units(["one two three\n", "four five\n"], np.array([0, 4], np.uint8))
    blocks = cut_into_blocks(few, 1)  # between words, where rows are too few
    assert [(b.text, set(b.tags_C.tolist())) for b in blocks] == [
        ("one ", {0}), ("two ", {0}), ("three\n", {0}), ("four ", {4}), ("five\n", {4})
    ]  # fmt: skip


def test_words_are_found_as_before_where_there_are_labels_too(labelled, world):
    plain = load_world(replace(world, concepts=("dogs",)))
    for one, two in zip(load_world(labelled), plain, strict=True):
        assert np.array_equal(one.x_NF, two.x_NF)
        assert np.array_equal(one.tags.token_NS & 1, two.tags.token_NS)


BAD_LABELS = {
    "column:secrte": r"world.concepts='secrte': .*some.parquet has the columns of .* secret, hid",
    "column:text": r"world.concepts='text': .*some.parquet has the columns of labels",
    "column:unsure": r"world.concepts='unsure': 1 of 900 rows of .*some.parquet are empty there",
}


@pytest.mark.parametrize(("concept", "said"), BAD_LABELS.items())
def test_a_column_that_is_no_label_is_refused_by_name(labelled, concept, said):
    with pytest.raises(AbsorbError, match=said):
        load_world(replace(labelled, concepts=(concept,)))


def test_a_text_without_columns_has_none_of_labels(world):
    with pytest.raises(
        AbsorbError, match=r"column:secret is a column of a Parquet file; .*some.txt"
    ):
        load_world(replace(world, concepts=("column:secret",)))


def test_a_missing_file_is_refused_with_the_path_expected(world, tmp_path):
    path = tmp_path / "no" / "such.txt"
    with pytest.raises(AbsorbError, match=re.escape(f"world.path: {path} is not there")):
        load_world(replace(world, path=str(path)))


BAD_FILES = {
    "some.txt": [
        (b"", r"is empty"),
        (b" \n\n ", r"is empty"),
        (b"caf\xe9 au lait", r"is not UTF-8: byte 3 is 0xe9"),
        (b"three words here", r"world.length=24: no \w+ block has as many as 25"),
        (b"word", r"the file has 1 words"),
    ],
    "some.parquet": [(b"no parquet", r"is not a Parquet file")],
}


@pytest.mark.parametrize(
    ("name", "content", "said"), [(n, *case) for n, cases in BAD_FILES.items() for case in cases]
)
def test_a_bad_file_is_refused_by_name(world, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AbsorbError, match=said):
        load_world(replace(world, path=str(tmp_path / name), split_seed=7))


def test_a_vocabulary_too_small_is_refused_with_what_it_needs(world):
    need = len(alphabet(world))
    with pytest.raises(AbsorbError, match=rf"world.vocabulary={need - 1}: must be at least {need}"):
        load_world(replace(world, vocabulary=need - 1))
    assert load_world(replace(world, vocabulary=need)).train.x_NF.max() < need
    with pytest.raises(AbsorbError, match=r"world.vocabulary=255: must be at least 256"):
        load_world(replace(world, tokenizer="pairs", vocabulary=255))


def test_a_concept_without_words_is_refused(world):
    with pytest.raises(AbsorbError, match=r"world.concepts: ' ' must name at least one word"):
        load_world(replace(world, concepts=("king", " ")))


def test_a_checksum_is_verified_and_names_the_file_wherever_it_lies(world, tmp_path):
    sha256 = hashlib.sha256(Path(world.path).read_bytes()).hexdigest()
    load_world(replace(world, sha256=sha256))
    with pytest.raises(AbsorbError, match=rf"world.sha256='{'0' * 64}': .*has {sha256}"):
        load_world(replace(world, sha256="0" * 64))
    config = compose(["world=text", "model=transformer", f"world.path={world.path}"])
    ids = {
        (path, known): run_id(replace(config, world=replace(world, path=path, sha256=known)))
        for path in ("a.txt", "b.txt")
        for known in ("", sha256)
    }
    assert ids["a.txt", sha256] == ids["b.txt", sha256]
    assert len(set(ids.values())) == 3
