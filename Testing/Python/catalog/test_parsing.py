from __future__ import annotations

import pytest

from vistaseg.catalog import everything, get, groups, parse_classes, presets
from vistaseg.errors import UsageError


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("liver, left kidney", [1, 14]),
        ("left kidney; liver\nspleen,", [14, 1, 3]),
        ("57, 1", [57, 1]),
        ("kidneys, left kidney, 5", [14, 5]),
        ("left lung, RML", [28, 29, 31]),
        ("2, 20", [14, 5, 28, 29, 30, 31, 32]),
        ("liver tumour", [26]),
    ],
)
def test_terms_become_ids_in_order_without_duplicates(text, ids):
    assert parse_classes(text) == ids


@pytest.mark.parametrize("text", ["x" * 201, "liver, " + "kidney " * 40])
def test_a_term_longer_than_any_name_is_refused_with_the_limit(text):
    with pytest.raises(UsageError, match="A name has at most 200 letters"):
        parse_classes(text)


@pytest.mark.parametrize("key", list(presets()))
def test_keys_and_titles_of_presets_are_understood(key):
    assert parse_classes(key) == parse_classes(presets()[key].title) == list(presets()[key].ids)


@pytest.mark.parametrize("key", list(groups()))
def test_keys_and_titles_of_groups_are_understood(key):
    ids = parse_classes(key)
    assert set(parse_classes(groups()[key].title)) == set(ids)
    assert all(get(structure_id).direct_prompt for structure_id in ids)
    assert {part for member in groups()[key].ids for part in get(member).prompt_ids} == set(ids)


def test_everything_is_117_classes():
    assert parse_classes("everything") == list(everything())


def test_an_unknown_name_is_refused_with_the_nearest_ones():
    with pytest.raises(UsageError, match='"left kidny" is not known.*"left kidney"'):
        parse_classes("liver, left kidny")


def test_a_name_with_nothing_near_is_refused():
    with pytest.raises(UsageError, match='"xyzzy" is not known'):
        parse_classes("xyzzy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rectum", "too few examples"),
        ("liver, prostate or uterus", '"prostate"'),
        ("16", '"prostate or uterus" .id 16.*"prostate"'),
        ("130", '"hepatic tumor"'),
        ("vertebrae L6", "too few examples"),
    ],
)
def test_an_unsupported_structure_is_refused_with_the_reason(text, expected):
    with pytest.raises(UsageError, match=expected):
        parse_classes(text)


@pytest.mark.parametrize("text", ["", " , ;", "133", "0", "-3"])
def test_no_structure_and_ids_out_of_range_are_refused(text):
    with pytest.raises(UsageError):
        parse_classes(text)
