from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.errors import UsageError
from vistaseg.models.segvol import tokenizer
from vistaseg.models.segvol.byte_pairs import MERGES, BytePairs
from vistaseg.models.segvol.tokenizer import token_ids

LIVER = [49406, 320, 11639, 704, 7690, 999, 22399, 539, 320, 12639, 269, 49407]

plain_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)


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


def test_bytes_that_are_no_ascii_have_tokens_of_their_own():
    # u with two dots is C3 BC in UTF-8: both bytes are visible characters, 0xC3 the 128th, and the last ends the word.
    assert BytePairs([]).encode("\u00fc") == [94 + 12 + 0xC3 - 0xAE, 256 + 94 + 12 + 0xBC - 0xAE]


def test_the_vocabulary_is_whole():
    merges = tokenizer._encode().__self__._ranks
    assert len(merges) == MERGES


@given(plain_text)
def test_any_text_has_the_tokens_that_a_published_tokenizer_gives_it(text):
    package = pytest.importorskip("instant_clip_tokenizer").Tokenizer
    assert tokenizer._encode()(text) == _published(package).encode(text)


@cache
def _published(package: Any) -> Any:
    return package()
