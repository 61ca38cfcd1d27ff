"""Which texts SegVol takes, and what it suggests instead of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.catalog.words import words_of
from vistaseg.errors import UsageError
from vistaseg.models.segvol.texts import (
    category_names,
    name_doubt,
    nearest_names,
    require_name,
    suggested_names,
    trained_spelling,
)


def test_there_are_the_222_names_of_the_training() -> None:
    assert len(category_names()) == len(set(category_names())) == 222
    assert {"liver", "left kidney", "kidney left", "rib right 12", "colon cancer"} <= set(category_names())


def test_every_trained_name_is_a_name_and_beyond_doubt() -> None:
    for name in category_names():
        require_name(name)
        assert name_doubt(name) == ""


def test_suggestions_are_trained_names_without_repeats() -> None:
    names = suggested_names()
    assert set(names) < set(category_names())
    assert len({words_of(name).all for name in names}) == len(names)
    assert not {"liver kyst", "liver tumor 03", "metastasectomie"} & set(names)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("livr", "liver"),
        ("hepar", "liver"),
        ("Left Kidney", "kidney left"),
        ("third left rib", "rib left 3"),
        ("L3", "vertebrae L3"),
        ("oesophagus", "esophagus"),
        ("bladder", "bladder"),
    ],
)
def test_the_nearest_name_is_the_one_that_is_meant(text: str, first: str) -> None:
    assert nearest_names(text)[0] == first


@given(st.sampled_from([name for name in suggested_names() if words_of(name).side]))
def test_a_side_is_never_answered_with_the_other(name: str) -> None:
    assert all(words_of(near).side in (None, words_of(name).side) for near in nearest_names(name, limit=20))


def test_nonsense_has_no_nearest_name() -> None:
    assert nearest_names("xqzt") == ()
    assert "Draw a box" in name_doubt("xqzt")


@pytest.mark.parametrize(
    "text",
    [
        "the cyst in the left kidney",
        "Please segment liver",
        "where is the spleen?",
        "a b c d e f g h i j k",
        "Find liver.",
    ],
)
def test_sentences_are_refused_with_names_that_can_be_asked_for(text: str) -> None:
    with pytest.raises(UsageError, match='not sentences. Ask for "'):
        require_name(text)


def test_a_sentence_is_answered_with_what_it_speaks_of() -> None:
    with pytest.raises(UsageError, match='"kidney left" or "kidney cyst"'):
        require_name("the cyst in the left kidney")


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("liver", "liver"),
        ("Left Kidney", "left kidney"),
        ("oesophagus", "esophagus"),
        ("hepar", "liver"),
        ("IVC", "inferior vena cava"),
        ("spleeen", "spleen"),
        ("livre", "liver"),
    ],
)
def test_what_says_the_same_is_spelt_as_it_was_trained(text: str, spelling: str) -> None:
    assert trained_spelling(text) == spelling


@pytest.mark.parametrize("text", ["liver vein", "aorta tumor", "rib", "left rib", "femur fracture", "kidney stone"])
def test_what_says_more_or_less_than_a_trained_name_is_left_as_it_is(text: str) -> None:
    assert trained_spelling(text) == text


@pytest.mark.parametrize("text", ["liver and spleen", "liver, spleen", "liver;spleen", "duodenum and pancreas"])
def test_a_list_of_names_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="several structures"):
        require_name(text)


@pytest.mark.parametrize("text", ["not liver", "everything but liver", "lymph node near liver"])
def test_what_excludes_or_places_a_structure_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not sentences"):
        require_name(text)


def test_a_name_with_an_and_of_its_own_is_no_list() -> None:
    require_name("portal vein and splenic vein")
