"""Changes obey the rules that are set in the Segment Editor, and its undo takes them back."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import slicer
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import NO_VOXELS, MaskChange
from vistaseg.mrml.converting import has_labelmaps, use_labelmaps
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.tags import record_of, tag_provenance
from vistaseg.mrml.writing import labelmap_of

NODE, RULES = slicer.vtkMRMLSegmentationNode, slicer.vtkMRMLSegmentEditorNode
MASK_MODES = (
    NODE.EditAllowedEverywhere,
    NODE.EditAllowedInsideAllSegments,
    NODE.EditAllowedInsideVisibleSegments,
    NODE.EditAllowedOutsideAllSegments,
    NODE.EditAllowedOutsideVisibleSegments,
    NODE.EditAllowedInsideSingleSegment,
)
OVERWRITE_MODES = (RULES.OverwriteAllSegments, RULES.OverwriteVisibleSegments, RULES.OverwriteNone)
EDITED, SHOWN, HIDDEN, OVERLAPPING = range(4)
BOX = VoxelBox((1, 1, 1), (8, 7, 6))
BOX_BYTES = 7 * 6 * 5 // 8


@pytest.fixture
def masks():
    """Four segments: three that do not overlap and share a label map, and one across all of them."""
    random = np.random.default_rng(7)
    owner = random.integers(0, 4, SHAPE_IJK[::-1])
    return [owner == n for n in (EDITED, SHOWN, HIDDEN)] + [random.random(owner.shape) < 0.5]


@pytest.fixture
def ids(ct, segmentation_node, masks):
    names = add_masks(segmentation_node, ct, *masks)
    segmentation_node.GetDisplayNode().SetSegmentVisibility(names[HIDDEN], False)
    return names


@pytest.fixture
def rules(scene, ids):
    node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetOverwriteMode(RULES.OverwriteNone)
    node.SetMaskSegmentID(ids[SHOWN])
    return node


@pytest.fixture
def editing(ct, segmentation_node, rules):
    with_rules = SegmentEditing(segmentation_node, ct, rules)
    yield with_rules
    with_rules.close()


@pytest.fixture
def read(ct, segmentation_node, ids):
    return lambda: [full_mask(segmentation_node, segment_id, ct) for segment_id in ids]


@pytest.fixture
def change():
    random = np.random.default_rng(11)
    added = random.random(BOX.shape_kji) < 0.5
    return MaskChange.in_box(added, ~added & (random.random(BOX.shape_kji) < 0.7), BOX)


def whole(mask):
    full = np.zeros(SHAPE_IJK[::-1], dtype=bool)
    full[BOX.slices_kji] = mask
    return full


def allowed(mode, masks, removing):
    """Where the mode of masking allows a change of the first segment."""
    edited, shown, hidden, overlapping = masks
    return {
        NODE.EditAllowedEverywhere: np.ones_like(edited),
        NODE.EditAllowedInsideAllSegments: edited | shown | hidden | overlapping,
        NODE.EditAllowedInsideVisibleSegments: edited | shown | overlapping,
        NODE.EditAllowedOutsideAllSegments: ~(shown | hidden | overlapping),
        NODE.EditAllowedOutsideVisibleSegments: ~(shown | overlapping),
        NODE.EditAllowedInsideSingleSegment: shown | edited if removing else shown,
    }[mode]


def overwritten(mode):
    return {
        RULES.OverwriteAllSegments: (SHOWN, HIDDEN, OVERLAPPING),
        RULES.OverwriteVisibleSegments: (SHOWN, OVERLAPPING),
        RULES.OverwriteNone: (),
    }[mode]


@pytest.mark.parametrize("limited", [False, True])
@pytest.mark.parametrize(("masking", "overwriting"), list(product(MASK_MODES, OVERWRITE_MODES)))
def test_only_what_the_rules_allow_changes(ct, ids, masks, rules, editing, read, change, masking, overwriting, limited):
    rules.SetMaskMode(masking)
    rules.SetOverwriteMode(overwriting)
    rules.SetSourceVolumeIntensityMask(limited)
    rules.SetSourceVolumeIntensityMaskRange(-100, 60.5)
    voxels = np.arange(np.prod(SHAPE_IJK)).reshape(SHAPE_IJK[::-1]) - 200
    bright = (voxels >= -100) & (voxels <= 60) if limited else np.ones_like(masks[0])
    expected = [mask.copy() for mask in masks]
    added = whole(change.added.array) & bright & allowed(masking, expected, removing=False)
    expected[EDITED] |= added
    for sibling in overwritten(overwriting):
        expected[sibling] &= ~added
    expected[EDITED] &= ~(whole(change.removed.array) & bright & allowed(masking, expected, removing=True))
    editing.apply(ids[EDITED], change)
    for got, want in zip(read(), expected, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize(("masking", "overwriting"), list(product(MASK_MODES, OVERWRITE_MODES)))
def test_the_editor_itself_would_have_written_the_same(
    scene, ct, segmentation_node, ids, masks, rules, editing, read, change, masking, overwriting
):
    rules.SetMaskMode(masking)
    rules.SetOverwriteMode(overwriting)
    editing.apply(ids[EDITED], MaskChange(change.added, NO_VOXELS))
    ours = read()
    twin = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "twin")
    twin_ids = add_masks(twin, ct, *masks)
    twin.GetDisplayNode().SetSegmentVisibility(twin_ids[HIDDEN], False)
    write_with_editor(twin, twin_ids, ct, rules, change)
    assert all(np.array_equal(mine, full_mask(twin, name, ct)) for mine, name in zip(ours, twin_ids, strict=True))


def write_with_editor(node, ids, ct, rules, change):
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    rules.SetAndObserveSegmentationNode(node)
    rules.SetAndObserveSourceVolumeNode(ct)
    rules.SetSelectedSegmentID(ids[EDITED])
    rules.SetMaskSegmentID(ids[SHOWN])
    logic.SetSegmentEditorNode(rules)
    labelmap = labelmap_of(change.added, ct, node)
    logic.ModifySegmentByLabelmap(node, ids[EDITED], labelmap, logic.ModificationModeAdd, False, False)
    logic.SetSegmentEditorNode(None)


def test_the_users_settings_are_only_read(ids, rules, editing, change):
    rules.SetMaskMode(NODE.EditAllowedOutsideAllSegments)
    before = rules.GetMTime()
    editing.apply(ids[EDITED], change)
    assert rules.GetMTime() == before


def test_without_rules_no_other_segment_changes(ct, segmentation_node, ids, masks, read, change):
    editing = SegmentEditing(segmentation_node, ct)
    editing.apply(ids[EDITED], change)
    editing.close()
    got = read()
    assert np.array_equal(got[EDITED], (masks[EDITED] | whole(change.added.array)) & ~whole(change.removed.array))
    assert all(np.array_equal(got[n], masks[n]) for n in (SHOWN, HIDDEN, OVERLAPPING))


def test_a_masking_segment_that_is_gone_is_named(ids, rules, editing, masks, read, change):
    rules.SetMaskMode(NODE.EditAllowedInsideSingleSegment)
    rules.SetMaskSegmentID("gone")
    with pytest.raises(InputError, match="does not have: choose another editable area"):
        editing.apply(ids[EDITED], change)
    assert all(np.array_equal(got, mask) for got, mask in zip(read(), masks, strict=True))


def test_undo_and_redo_go_through_every_saved_state(ids, rules, editing, masks, read):
    rules.SetOverwriteMode(RULES.OverwriteAllSegments)
    random = np.random.default_rng(2)
    states = [masks]
    for n in range(4):
        added = random.random(BOX.shape_kji) < 0.3
        with editing.step():
            editing.apply(ids[n], MaskChange.in_box(added, ~added & (random.random(BOX.shape_kji) < 0.3), BOX))
        states.append(read())
    for state in states[-2::-1]:
        editing.undo()
        assert all(np.array_equal(got, want) for got, want in zip(read(), state, strict=True))
    assert not editing.can_undo and editing.can_redo
    for state in states[1:]:
        editing.redo()
        assert all(np.array_equal(got, want) for got, want in zip(read(), state, strict=True))
    assert not editing.can_redo


def test_a_new_change_after_undo_ends_redo(ids, editing, change):
    with editing.step():
        editing.apply(ids[EDITED], change)
    editing.undo()
    with editing.step():
        editing.apply(ids[SHOWN], change)
    assert editing.can_undo and not editing.can_redo


def test_the_oldest_steps_are_forgotten_where_they_take_too_much_memory(ids, editing, change, monkeypatch):
    monkeypatch.setattr("vistaseg.mrml.steps._BYTES", 10 * 2 * BOX_BYTES)
    opposite = MaskChange(change.removed, change.added)
    for n in range(14):
        with editing.step():
            editing.apply(ids[EDITED], opposite if n % 2 else change)
    taken = 0
    while editing.can_undo:
        editing.undo()
        taken += 1
    assert 9 <= taken <= 11


def test_what_a_step_noted_goes_back_with_it_and_a_new_name_stays(segmentation_node, ids, editing, change):
    segment = segmentation_node.GetSegmentation().GetSegment(ids[EDITED])
    with editing.step():
        editing.apply(ids[EDITED], change)
        tag_provenance(segment, {"algorithm_type": "SEMIAUTOMATIC"})
    segment.SetName("renamed")
    editing.undo()
    assert segment.GetName() == "renamed" and record_of(segment).provenance == {}
    editing.redo()
    assert record_of(segment).provenance == {"algorithm_type": "SEMIAUTOMATIC"}


def test_closing_leaves_no_node_behind(scene, ct, segmentation_node, ids):
    def every() -> set[str]:
        return {scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes())}

    before = every()
    editing = SegmentEditing(segmentation_node, ct)
    assert every() != before
    editing.close()
    editing.close()
    assert every() == before


@pytest.mark.parametrize("gone", ["volume", "segmentation", "segment"])
def test_what_was_deleted_is_named(scene, ct, segmentation_node, ids, editing, change, gone):
    if gone == "segment":
        segmentation_node.GetSegmentation().RemoveSegment(ids[EDITED])
    else:
        scene.RemoveNode(ct if gone == "volume" else segmentation_node)
    with pytest.raises(InputError, match="deleted"):
        editing.apply(ids[EDITED], change)


def test_surfaces_are_converted_only_when_asked(ct, segmentation_node, ids, masks, read):
    segmentation_node.CreateClosedSurfaceRepresentation()
    segmentation = segmentation_node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation("Binary labelmap")
    with pytest.raises(InputError, match="closed surfaces"):
        SegmentEditing(segmentation_node, ct)
    assert not has_labelmaps(segmentation_node)
    use_labelmaps(segmentation_node, ct)
    assert has_labelmaps(segmentation_node)
    SegmentEditing(segmentation_node, ct).close()
