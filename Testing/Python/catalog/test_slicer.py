from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.catalog import (
    Code,
    Terminology,
    get,
    parse_terminology_entry,
    slicer_terminology_entry,
    structures,
)

SUPPORTED = [structure for structure in structures() if structure.supported]
TEXT = st.text(alphabet=st.characters(exclude_characters="~^", codec="utf-8"), min_size=1, max_size=12)
CODE = st.builds(Code, TEXT, TEXT, TEXT)


def test_liver_is_written_as_slicer_writes_it():
    assert slicer_terminology_entry(get(1)) == (
        "Segmentation category and type - 3D Slicer General Anatomy list"
        "~SCT^123037004^Anatomical Structure~SCT^10200004^Liver~^^"
        "~Anatomic codes - DICOM master list~^^~^^"
    )


def test_a_side_is_the_type_modifier():
    assert "~SCT^64033007^Kidney~SCT^7771000^Left~" in slicer_terminology_entry(get(14))


def test_a_cyst_lies_in_a_region_with_a_side():
    entry = slicer_terminology_entry(get(117))
    assert entry.endswith("~SCT^64033007^Kidney~SCT^24028007^Right")


@pytest.mark.parametrize("structure_id", [7, 33, 95])
def test_codes_outside_the_general_list_name_the_master_list(structure_id):
    entry = slicer_terminology_entry(get(structure_id))
    assert entry.startswith("Segmentation category and type - DICOM master list~")


def test_bare_codes_are_written_like_their_structure():
    assert slicer_terminology_entry(get(1).terminology) == slicer_terminology_entry(get(1))


@pytest.mark.parametrize("structure", SUPPORTED, ids=lambda s: s.name)
def test_every_structure_survives_the_round_trip(structure):
    assert parse_terminology_entry(slicer_terminology_entry(structure)) == structure.terminology


@given(CODE, CODE, st.none() | CODE, CODE, st.none() | CODE)
def test_any_terminology_survives_the_round_trip(category, type_, modifier, region, region_modifier):
    terms = Terminology(category, type_, modifier, region, region_modifier)
    assert parse_terminology_entry(slicer_terminology_entry(terms)) == terms


def test_separators_in_a_meaning_do_not_break_the_entry():
    odd = Terminology(Code("1", "99X", "a~b"), Code("2", "99X", "c^d"))
    parsed = parse_terminology_entry(slicer_terminology_entry(odd))
    assert parsed == Terminology(Code("1", "99X", "a b"), Code("2", "99X", "c d"))


@pytest.mark.parametrize(
    "entry",
    ["", "liver", "~^^~^^~^^~~^^~^^", "a~SCT^1~SCT^2^b~^^~~^^~^^", "a~SCT^1^b~^^~^^~~^^~^^"],
)
def test_an_entry_without_category_or_type_is_none(entry):
    assert parse_terminology_entry(entry) is None


def test_an_unsupported_structure_has_no_entry():
    with pytest.raises(ValueError, match="not supported"):
        slicer_terminology_entry(get(16))
