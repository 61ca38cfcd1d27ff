from __future__ import annotations

import json
import subprocess
import sys

import pytest

from vistaseg.catalog import by_name, everything, expand, get, groups, presets, structures
from vistaseg.errors import UsageError

UNSUPPORTED = {16, 18, 129, 130, 131}
BONES = [*range(33, 57), *range(63, 98), 114, 120, 122]


def test_there_are_132_rows_in_order_of_their_ids():
    assert [structure.id for structure in structures()] == list(range(1, 133))


def test_names_are_unique():
    assert len({structure.name for structure in structures()}) == 132


def test_127_are_supported_and_the_others_say_why():
    assert {s.id for s in structures() if not s.supported} == UNSUPPORTED
    assert all(get(structure_id).note for structure_id in UNSUPPORTED)


def test_124_can_be_prompted_directly():
    assert {s.id for s in structures() if not s.direct_prompt} == UNSUPPORTED | {2, 20, 21}


def test_everything_is_117_ids_without_wholes_and_overlapping_classes():
    left_out = {2, 16, 18, 20, 21, *range(23, 28), *range(128, 133)}
    assert set(everything()) == set(range(1, 133)) - left_out
    assert len(everything()) == 117


def test_special_point_classes():
    assert {s.id for s in structures() if s.special_points} == {23, 24, 25, 26, 27, 57, 128}


@pytest.mark.parametrize(("whole", "parts"), [(2, [14, 5]), (20, [28, 29, 30, 31, 32]), (21, BONES)])
def test_a_whole_is_prompted_as_its_parts(whole, parts):
    assert expand([whole]) == parts


def test_expand_keeps_the_order_and_drops_duplicates():
    assert expand([5, 1, 2, 1]) == [5, 1, 14]


@pytest.mark.parametrize(("structure_id", "advice"), [(16, "prostate"), (130, "hepatic tumor")])
def test_expand_refuses_an_unsupported_id_and_names_its_neighbour(structure_id, advice):
    with pytest.raises(UsageError, match=f'"{advice}" instead') as caught:
        expand([1, structure_id])
    assert get(structure_id).name in str(caught.value)


@pytest.mark.parametrize("structure_id", [0, -1, 133])
def test_an_id_that_does_not_exist_is_refused(structure_id):
    with pytest.raises(UsageError, match="1 to 132"):
        get(structure_id)


def test_every_name_leads_to_its_own_row():
    assert all(by_name(structure.name) is structure for structure in structures())


def test_by_name_knows_synonyms_but_not_terms_that_mean_several():
    assert by_name("IVC") is get(7)
    assert by_name("left lung") is None
    assert by_name("Segment_1") is None


def test_every_left_has_its_right():
    names = {structure.name: structure for structure in structures()}
    left_only = {"left atrial appendage"}
    for name, structure in names.items():
        if structure.laterality == "left" and "lung" not in name and name not in left_only:
            assert names[name.replace("left", "right")].laterality == "right"


def test_every_supported_structure_is_in_exactly_one_group():
    listed = [structure_id for group in groups().values() for structure_id in group.ids]
    assert sorted(listed) == [structure.id for structure in structures() if structure.supported]


def test_presets_hold_only_direct_prompts_without_duplicates():
    for preset in presets().values():
        assert expand(preset.ids) == list(preset.ids), preset.key


def test_the_preset_everything_is_everything():
    assert presets()["everything"].ids == everything()


def test_a_preset_with_the_key_of_a_group_has_its_ids():
    shared = groups().keys() & presets().keys()
    assert shared
    assert all(presets()[key].ids == groups()[key].ids for key in shared)


def test_presets_that_a_radiologist_expects():
    assert set(presets()["lungs"].ids) == {28, 29, 30, 31, 32}
    assert set(presets()["ribs"].ids) == set(range(63, 87))
    assert set(presets()["vertebrae"].ids) == {*range(33, 57), 127}
    assert set(presets()["muscles"].ids) == set(range(98, 108))
    assert {6, 7, 17, 125} <= set(presets()["vessels"].ids)
    assert {1, 3, 4, 5, 14} <= set(presets()["abdomen"].ids)
    assert presets()["bones"].ids == get(21).subclasses


def test_importing_and_loading_pulls_in_nothing_heavy():
    program = (
        "import json, sys, vistaseg.catalog as c; c.structures(); c.presets();"
        "heavy = {'numpy', 'torch', 'rapidfuzz', 'pydicom', 'SimpleITK'} & set(sys.modules);"
        "print(json.dumps(sorted(heavy)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []
