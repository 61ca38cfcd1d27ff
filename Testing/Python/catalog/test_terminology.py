from __future__ import annotations

import math

import pytest

from vistaseg.catalog import get, structures

LEFT, RIGHT = "7771000", "24028007"
NOT_IN_A_CONTEXT_GROUP = {17, *range(63, 87), *range(98, 109), 127}
SUPPORTED = [structure for structure in structures() if structure.supported]
NEIGHBOURS = [
    *[(1, 10), (1, 12), (1, 5), (1, 62), (1, 7), (1, 26), (1, 25), (26, 25), (3, 12), (3, 14), (3, 4)],
    *[(4, 12), (4, 13), (4, 24), (12, 11), (12, 13), (13, 10), (13, 19), (19, 62), (62, 27), (15, 118)],
    *[(14, 9), (5, 8), (14, 116), (5, 117), (28, 29), (30, 31), (31, 32), (30, 32), (57, 11), (57, 132)],
    *[(115, 119), (115, 6), (6, 7), (110, 125), (22, 120), (122, 114), (97, 127), (97, 95), (95, 93)],
    *[(89, 87), (98, 100), (100, 102), (106, 95), (109, 113), (112, 123), (58, 60), (59, 61)],
    *((i, i + 1) for i in [*range(33, 56), *range(63, 74), *range(75, 86)]),
    *((23, lobe) for lobe in range(28, 33)),
]


def type_code(structure_id: int) -> str:
    return get(structure_id).terminology.type.value


def lab(color: tuple[int, int, int]) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of an sRGB colour."""
    r, g, b = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10 else c / 255 / 12.92 for c in color)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("structure", SUPPORTED, ids=lambda s: s.name)
def test_every_supported_structure_has_snomed_codes(structure):
    terms = structure.terminology
    codes = [terms.category, terms.type, terms.type_modifier, terms.region, terms.region_modifier]
    assert all(code.scheme == "SCT" and code.value.isdigit() and code.meaning for code in codes if code)


@pytest.mark.parametrize("structure", [s for s in SUPPORTED if s.laterality], ids=lambda s: s.name)
def test_the_side_in_the_name_is_in_the_codes(structure):
    terms = structure.terminology
    if "right" in terms.type.meaning:  # the middle lobe's own code says right
        return
    sides = [code.value for code in (terms.type_modifier, terms.region_modifier) if code]
    assert sides == [LEFT if structure.laterality == "left" else RIGHT]


def test_no_two_structures_have_the_same_codes():
    assert len({structure.terminology for structure in SUPPORTED}) == 127


def test_known_errors_of_the_public_mapping_are_mended():
    assert type_code(123) == type_code(124) == "36765005"
    assert type_code(95) == type_code(96) != "29836001"
    assert get(102).terminology.type.meaning == "Gluteus minimus muscle"
    cyst = get(116).terminology
    assert (cyst.region.meaning, cyst.region_modifier.value) == ("Kidney", LEFT)


@pytest.mark.parametrize(
    ("structure_id", "type_meaning", "region"),
    [
        (23, "Neoplasm", "Lung"),
        (24, "Neoplasm", "Pancreas"),
        (26, "Neoplasm", "Liver"),
        (27, "Neoplasm", "Colon"),
        (128, "Lesion", "Bone"),
    ],
)
def test_lesions_are_altered_structures_in_their_organ(structure_id, type_meaning, region):
    terms = get(structure_id).terminology
    assert terms.category.value == "49755003"
    assert (terms.type.meaning, terms.region.meaning) == (type_meaning, region)


def test_unsupported_structures_have_no_codes():
    assert all(structure.terminology is None for structure in structures() if not structure.supported)


def test_type_codes_are_in_dicom_context_groups_but_for_those_in_the_readme():
    concepts = pytest.importorskip("pydicom.sr._concepts_dict").concepts["SCT"]
    known = {code for meanings in concepts.values() for code, (_, groups) in meanings.items() if groups}
    missing = {structure.id for structure in SUPPORTED if structure.terminology.type.value not in known}
    assert missing == NOT_IN_A_CONTEXT_GROUP


def test_colors_are_unique_and_valid():
    colors = [structure.color for structure in SUPPORTED]
    assert len(set(colors)) == len(colors)
    assert all(len(color) == 3 and all(0 <= value <= 255 for value in color) for color in colors)


@pytest.mark.parametrize(("one", "other"), NEIGHBOURS)
def test_neighbours_can_be_told_apart_by_color(one, other):
    assert math.dist(lab(get(one).color), lab(get(other).color)) > 15
