from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.errors import InputError, UsageError
from vistaseg.models.segvol import tokenizer
from vistaseg.models.segvol.byte_pairs import MERGES, BytePairs
from vistaseg.models.segvol.tokenizer import token_ids

Tokenizer = pytest.importorskip("instant_clip_tokenizer").Tokenizer

LIVER = [49406, 320, 11639, 704, 7690, 999, 22399, 539, 320, 12639, 269, 49407]

plain_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


@pytest.fixture(scope="module")
def merges() -> list[tuple[str, str]]:
    """The merges behind the package's tokens: each joins the two parts that all merges before it leave of its token.

    Of a token that is no ASCII text, a pair that occurs nowhere stands in.
    """
    package, known, found = Tokenizer(), BytePairs([]), []
    for i in range(MERGES):
        text = package.decode([512 + i])
        word = text[:-1] + "</w>" if text.endswith(" ") else text
        parts = _parts(known, word) if text.isascii() else []
        merge = (parts[0], parts[1]) if len(parts) == 2 else (f"\N{SECTION SIGN}{i}", "x")
        known._ranks[merge] = i
        found.append(merge)
    return found


def _parts(known: BytePairs, word: str) -> list[str]:
    parts = list(word.removesuffix("</w>"))
    if word.endswith("</w>"):
        parts[-1] += "</w>"
    return known.merge(parts)


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "instant_clip_tokenizer", None)
    tokenizer._of_package.cache_clear()
    tokenizer._of_file.cache_clear()


def write(merges: list[tuple[str, str]], path: Path) -> Path:
    text = "#version: 0.2\n" + "".join(f"{one} {other}\n" for one, other in merges)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_the_sentence_about_the_liver():
    ids = token_ids("liver")
    assert ids.shape == (77,) and ids.dtype == torch.int64
    assert ids[: len(LIVER)].tolist() == LIVER
    assert set(ids[len(LIVER) :].tolist()) == {49407}


@pytest.mark.parametrize("text", [" liver", "Liver\n", "LIVER"])
def test_case_and_blanks_around_make_no_difference(text):
    assert torch.equal(token_ids(text), token_ids("liver"))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(text):
    with pytest.raises(UsageError, match="empty.*such as liver"):
        token_ids(text)


def test_the_longest_text_is_taken_and_one_word_more_refused():
    words = 77 - len(LIVER) + 1
    assert (token_ids("liver " * words) == 49407).sum() == 1
    with pytest.raises(UsageError, match=r"too long \(78 tokens .*at most 77"):
        token_ids("liver " * (words + 1))


def test_marks_in_the_text_are_only_text():
    assert token_ids("<|endoftext|>").tolist().index(49407) > len(LIVER)


def test_without_a_vocabulary_it_is_said_how_to_get_one(without_package, tmp_path, monkeypatch):
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"pip install \"vistaseg\[text\]\"") as caught:
        token_ids("liver")
    assert str(tmp_path / "clip") in str(caught.value)


@pytest.mark.parametrize("name", ["merges.txt", "bpe_simple_vocab_16e6.txt.gz"])
def test_a_vocabulary_in_the_users_folder_serves_as_well(name, merges, without_package, tmp_path, monkeypatch):
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path))
    write([*merges, ("not", "read")], tmp_path / "clip" / name)
    assert token_ids("liver")[: len(LIVER)].tolist() == LIVER


@pytest.mark.parametrize("content", [b"", b"#version: 0.2\na b\n", b"\xff\xfe\xff"])
def test_a_file_that_is_not_the_vocabulary_is_refused(content, without_package, tmp_path, monkeypatch):
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path))
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "merges.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"merges\.txt"):
        token_ids("liver")


def test_a_damaged_archive_is_refused(tmp_path):
    path = write([("a", "b")], tmp_path / "bpe_simple_vocab_16e6.txt.gz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="Cannot read"):
        BytePairs.read(path)


def test_bytes_that_are_no_ascii_have_tokens_of_their_own():
    # u with two dots is C3 BC in UTF-8: both bytes are visible characters, 0xC3 the 128th, and the last ends the word.
    assert BytePairs([]).encode("\u00fc") == [94 + 12 + 0xC3 - 0xAE, 256 + 94 + 12 + 0xBC - 0xAE]


def test_what_the_package_makes_of_any_text_our_own_encoding_makes_too(merges):
    package, own = Tokenizer(), BytePairs(merges)

    @given(plain_text)
    def same(text: str) -> None:
        assert own.encode(text) == package.encode(text)

    same()
