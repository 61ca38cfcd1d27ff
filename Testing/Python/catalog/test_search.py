from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.catalog import composites, find, get, presets, structures

SUPPORTED = [structure for structure in structures() if structure.supported]
PAIRED = [structure for structure in SUPPORTED if structure.laterality]
OTHER_WORDS = {
    "IVC": (7,), "SVC": (125,), "gall bladder": (10,), "oesophagus": (11,), "urinary bladder": (15,),
    "left lung": (28, 29), "right lung": (30, 31, 32), "lungs": (28, 29, 30, 31, 32), "kidneys": (14, 5),
    "L1": (37,), "l 1": (37,), "T12": (38,), "Th12": (38,), "C1": (56,), "atlas": (56,), "C2": (55,),
    "axis": (55,), "S1": (127,), "fifth lumbar vertebra": (33,), "colon cancer": (27,), "liver tumour": (26,),
    "liver tumor": (26,),
    "adrenal": (9, 8), "left suprarenal gland": (9,), "suprarenal glands": (9, 8), "windpipe": (57,),
    "left collar bone": (91,), "right shoulder blade": (90,), "thigh bone": (93, 94), "kidney left": (14,),
    "lt kidney": (14,), "L kidney": (14,), "Rt. Kidney": (5,), "kidney_left": (14,), "vertebrae_L1": (37,),
    "rib_left_5": (67,), "rib L5": (67,), "5th left rib": (67,), "rib 5": (67, 79), "urinary_bladder": (15,),
    "ribs": tuple(range(63, 87)), "left ribs": tuple(range(63, 75)), "lumbar spine": (37, 36, 35, 34, 33),
    "AORTA": (6,), "Pancréas": (4,), "hips": (95, 96), "psoas": (106, 107), "large bowel": (62,),
}  # fmt: skip
MISSPELT = {
    "gallblader": 10, "spleeen": 3, "left kidny": 14, "eft kidney": 14, "rigth kidney": 5, "panceras": 4,
    "blader": 15, "tracea": 57, "splean": 3, "oesophagas": 11, "left clavical": 91,
}  # fmt: skip


@pytest.mark.parametrize("structure", SUPPORTED, ids=lambda s: s.name)
def test_a_name_finds_its_structure_first_with_full_score(structure):
    best = find(structure.name)[0]
    assert (best.structure, best.score, best.ids) == (structure, 100, structure.prompt_ids)


@pytest.mark.parametrize("structure", SUPPORTED, ids=lambda s: s.name)
def test_every_synonym_finds_its_structure_first_with_full_score(structure):
    for synonym in structure.synonyms:
        best = find(synonym.upper())[0]
        assert (best.structure, best.score) == (structure, 100), synonym


@pytest.mark.parametrize("term", [*composites(), *presets().values()], ids=lambda t: t.title)
def test_every_term_for_several_structures_finds_them_first(term):
    for text in (term.title, *term.synonyms):
        best = find(text)[0]
        assert (best.ids, best.score) == (term.ids, 100), text


@pytest.mark.parametrize(("text", "ids"), OTHER_WORDS.items())
def test_other_words_and_spellings(text, ids):
    best = find(text)[0]
    assert (best.ids, best.score) == (ids, 100)


@pytest.mark.parametrize(("text", "structure_id"), MISSPELT.items())
def test_typing_errors_are_tolerated(text, structure_id):
    assert find(text)[0].ids == (structure_id,)


@pytest.mark.parametrize(("text", "structure_id"), [("gall", 10), ("thyr", 126), ("left atrial", 108)])
def test_the_beginning_of_a_name_is_enough(text, structure_id):
    assert find(text)[0].ids == (structure_id,)


@pytest.mark.parametrize(
    "text",
    ["", " ", "the", "?!", "xyzzy", "banana", "hello world", "qwerty", "left", "patella", "left ventricle"],
)
def test_nonsense_and_what_the_model_does_not_know_find_nothing(text):
    assert find(text) == []


@pytest.mark.parametrize("structure", PAIRED, ids=lambda s: s.name)
def test_a_side_never_finds_the_other_side(structure):
    other = "right" if structure.laterality == "left" else "left"
    bare = structure.name.replace(f"{structure.laterality} ", "")
    side = structure.laterality
    for text in (structure.name, f"{bare} {side}", f"{side[0]} {bare}", structure.name[:-1]):
        for match in find(text, limit=50):
            assert match.structure is None or match.structure.laterality != other, (text, match.title)
            assert not match.title.startswith(other)


@pytest.mark.parametrize("structure", PAIRED, ids=lambda s: s.name)
def test_a_misspelt_name_with_a_side_keeps_the_side(structure):
    letters = list(structure.name)
    doubled = max(i for i in range(len(letters) - 2) if letters[i].isalpha())
    misspelt = "".join(letters[: doubled + 1] + letters[doubled:])
    matches = find(misspelt)
    assert all(m.structure is None or m.structure.laterality in (None, structure.laterality) for m in matches)


@pytest.mark.parametrize("text", ["left rib 13", "L9", "vertebra T14", "rib 0"])
def test_a_number_that_does_not_exist_is_not_replaced_by_another(text):
    assert find(text) == []


def test_an_unsupported_structure_is_found_without_ids():
    best = find("rectum")[0]
    assert (best.structure, best.ids, best.score) == (get(18), (), 100)


def test_the_limit_is_kept_and_scores_fall():
    matches = find("lung", limit=3)
    scores = [match.score for match in matches]
    assert len(matches) == 3
    assert scores == sorted(scores, reverse=True)


def test_the_same_structures_are_listed_once():
    matches = find("lungs", limit=20)
    assert len({match.ids for match in matches if match.ids}) == sum(bool(match.ids) for match in matches)


def test_names_of_totalsegmentator_are_understood(shared_data):
    path = shared_data("terminology/vista3d_draft_mapping.csv")
    with path.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "(" not in row["totalsegmentator_name"]]
    assert len(rows) == 118
    for row in rows:
        assert find(row["totalsegmentator_name"])[0].ids == (int(row["label"]),)


@given(st.text(max_size=40))
def test_no_text_is_too_odd(text):
    for match in find(text):
        assert 0 < match.score <= 100
