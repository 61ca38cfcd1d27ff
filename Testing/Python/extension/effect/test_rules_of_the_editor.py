"""Masking, overwriting and undo of the editor hold for what the effect writes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import slicer
from host.mrml_nodes import add_scan, add_segmentation

MASKS = {
    "everywhere": "EditAllowedEverywhere",
    "inside a segment": "EditAllowedInsideSingleSegment",
    "inside all": "EditAllowedInsideAllSegments",
    "inside visible": "EditAllowedInsideVisibleSegments",
    "outside all": "EditAllowedOutsideAllSegments",
    "outside visible": "EditAllowedOutsideVisibleSegments",
}
OVERWRITES = {"all": "OverwriteAllSegments", "visible": "OverwriteVisibleSegments", "none": "OverwriteNone"}
RANGE = (-50.0, 200.0)


def slab(bench: Any, first: int, last: int) -> np.ndarray:
    mask = np.zeros(bench.volume.array.shape, bool)
    mask[:, :, first:last] = True
    return mask


def allowed(bench: Any, how: str, b: np.ndarray, c: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Where the editor may be changed; b is the mask segment, c is hidden."""
    return {
        "everywhere": np.ones_like(a),
        "inside a segment": b,
        "inside all": a | b | c,
        "inside visible": a | b,
        "outside all": ~(b | c),
        "outside visible": ~b,
    }[how]


@pytest.mark.parametrize(("how", "overwrite", "ranged"), list(product(MASKS, OVERWRITES, (False, True))))
def test_voxels_that_may_not_change_do_not(bench: Any, how: str, overwrite: str, ranged: bool) -> None:
    node = bench.editor.node
    bench.fill("b", slab(bench, 14, 22))
    bench.fill("c", slab(bench, 24, 30))
    bench.fill("a", slab(bench, 18, 20))
    before = {name: bench.mask(name) for name in "abc"}
    bench.segmentationNode.GetDisplayNode().SetSegmentVisibility(bench.segments["c"], False)
    node.SetMaskSegmentID(bench.segments["b"] if how == "inside a segment" else None)
    node.SetMaskMode(getattr(slicer.vtkMRMLSegmentationNode, MASKS[how]))
    node.SetOverwriteMode(getattr(node, OVERWRITES[overwrite]))
    node.SetSourceVolumeIntensityMask(ranged)
    node.SetSourceVolumeIntensityMaskRange(*RANGE)
    bench.mouse.click(bench.at("body"))
    bench.finish()

    may = allowed(bench, how, before["b"], before["c"], before["a"])
    if ranged:
        may = may & bench.region(*RANGE)
    wanted = before["a"] | bench.region(0, 100)
    added = wanted & may & ~before["a"]
    assert np.array_equal(bench.mask("a"), before["a"] | added)
    for name in "bc":
        erased = added if overwrite == "all" or (overwrite == "visible" and name == "b") else np.zeros_like(added)
        assert np.array_equal(bench.mask(name), before[name] & ~erased)
    assert bench.workspace.prompts(bench.target("a"))


def test_what_masking_keeps_back_is_told(bench: Any) -> None:
    bench.fill("b", slab(bench, 14, 22))
    bench.editor.node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    bench.mouse.click(bench.at("body"))
    bench.finish()
    assert any("mask" in text.lower() for text in bench.texts())


def test_what_is_removed_inside_a_segment_goes_back_to_it_as_with_the_eraser(bench: Any) -> None:
    bench.mouse.click(bench.at("body"))
    bench.finish()
    before, rest = bench.mask("a"), bench.mask("c")
    node = bench.editor.node
    node.SetMaskSegmentID(bench.segments["b"])
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment)
    bench.mouse.click((250, 200), ctrl=True)
    bench.finish()
    assert not bench.mask("a").any()
    assert np.array_equal(bench.mask("b"), before) and np.array_equal(bench.mask("c"), rest)


@pytest.mark.parametrize("how", [how for how in MASKS if how != "inside a segment"])
def test_removing_obeys_the_mask(bench: Any, how: str) -> None:
    bench.fill("b", slab(bench, 14, 22))
    bench.fill("c", slab(bench, 24, 30))
    bench.segmentationNode.GetDisplayNode().SetSegmentVisibility(bench.segments["c"], False)
    bench.mouse.click(bench.at("body"))
    bench.finish()
    before = {name: bench.mask(name) for name in "abc"}
    bench.editor.node.SetMaskMode(getattr(slicer.vtkMRMLSegmentationNode, MASKS[how]))
    bench.mouse.click((250, 200), ctrl=True)
    bench.finish()
    may = allowed(bench, how, before["b"], before["c"], before["a"])
    assert np.array_equal(bench.mask("a"), before["a"] & ~may)
    for name in "bc":
        assert np.array_equal(bench.mask(name), before[name])


def test_each_prompt_is_one_step_of_the_editors_undo(bench: Any) -> None:
    masks = [bench.mask("a")]
    for place in ("right", "left"):
        bench.mouse.click(bench.at(place))
        bench.finish()
        masks.append(bench.mask("a"))
    for count in (1, 0):
        bench.editor.undo()
        assert np.array_equal(bench.mask("a"), masks[count])
        assert len(bench.workspace.prompts(bench.target("a"))) == count
    for count in (1, 2):
        bench.editor.redo()
        assert np.array_equal(bench.mask("a"), masks[count])
        assert len(bench.workspace.prompts(bench.target("a"))) == count


def test_markers_follow_undo(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    assert bench.lines() > 0
    bench.editor.undo()
    assert bench.lines() == 0
    bench.editor.redo()
    assert bench.lines() > 0


def test_painting_by_hand_becomes_what_the_next_prompt_starts_from(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    painted = slab(bench, 2, 4)
    bench.fill("a", bench.mask("a") | painted)
    assert bench.workspace.prompts(bench.target("a")) == ()
    bench.mouse.click(bench.at("left"))
    bench.finish()
    assert np.array_equal(bench.mask("a"), painted | bench.region(300, 300) | bench.region(600, 600))
    assert len(bench.workspace.prompts(bench.target("a"))) == 1


def test_an_answer_goes_to_the_segment_that_was_asked_for(bench: Any, models: Any) -> None:
    models["demo"].seconds_a_window = 0.05
    bench.mouse.click(bench.at("right"))
    bench.editor.node.SetSelectedSegmentID(bench.segments["b"])
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(300, 300)) and not bench.mask("b").any()
    assert bench.editor.node.GetSelectedSegmentID() == bench.segments["b"]


@pytest.mark.parametrize(("another", "told"), [("volume", "nothing was written"), ("segmentation", "Cancelled")])
def test_an_answer_that_comes_after_the_editor_went_on_is_not_written(
    bench: Any, models: Any, another: str, told: str
) -> None:
    models["demo"].seconds_a_window = 0.05
    bench.mouse.click(bench.at("right"))
    if another == "volume":
        bench.editor.choose(add_scan(bench.volume), bench.segmentationNode, bench.segments["a"])
    else:
        other = add_segmentation(bench.volumeNode)
        bench.editor.choose(bench.volumeNode, other, other.GetSegmentation().AddEmptySegment("", "x"))
    bench.finish()
    assert not bench.mask("a").any() and bench.workspace.prompts(bench.target("a")) == ()
    assert told in bench.texts()[-1]


def test_a_segmentation_with_voxels_of_its_own(bench: Any) -> None:
    finer = bench.volume.ijk_to_ras.copy()
    finer[:3, :3] /= 2
    empty = slicer.vtkMRMLScalarVolumeNode()
    empty.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(finer))
    image = slicer.vtkOrientedImageData()
    image.SetDimensions([2 * n for n in bench.volume.shape_ijk])
    image.AllocateScalars(4, 1)
    empty.SetAndObserveImageData(image)
    slicer.mrmlScene.AddNode(empty)
    bench.segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(empty)
    bench.editor.node.SetSourceVolumeIntensityMask(True)
    bench.editor.node.SetSourceVolumeIntensityMaskRange(-2000, 2000)
    bench.mouse.click(bench.at("right"))
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))


def test_a_change_is_written_on_its_extent_alone(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from SegmentEditorVistaSegLib import Writing

    extents = []
    monkeypatch.setattr(
        Writing,
        "give_way",
        lambda node, segment_id, labelmap, rules: extents.append(labelmap.GetDimensions()) or True,
    )
    bench.mouse.click(bench.at("right"))
    bench.finish()
    k, j, i = (np.ptp(np.argwhere(bench.mask("a")), axis=0) + 1).tolist()
    assert extents == [(i, j, k)]


def add_another_ct(bench: Any) -> Any:
    """A volume node on the same grid with other voxels."""
    other = add_scan(bench.volume)
    other.SetName("Another CT")
    array = slicer.util.arrayFromVolume(other)
    array[array == 600] = 650
    slicer.util.arrayFromVolumeModified(other)
    return other


def test_a_segmentation_of_another_scan_is_named_when_the_source_is_changed_and_at_the_next_prompt(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    other = add_another_ct(bench)
    assert not any("was made for" in text for text in bench.texts())
    note = (
        f"{bench.segmentationNode.GetName()} was made for {bench.volumeNode.GetName()}: results of Another CT are added"
    )
    bench.editor.choose(other, bench.segmentationNode, bench.segments["a"])
    assert bench.texts()[-1].startswith(note)
    assert bench.effect.work.prompting.prompts == ()  # those of the other scan


def test_a_copy_of_another_scans_segmentation_is_named_at_a_prompt(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    other = add_another_ct(bench)
    bench.segmentationNode.SetNodeReferenceID(
        bench.segmentationNode.GetReferenceImageGeometryReferenceRole(), other.GetID()
    )
    bench.editor.choose(other, bench.segmentationNode, bench.segments["b"])
    bench.workspace.messages.clear()
    bench.effect.deactivate()
    bench.effect.activate()
    assert f"was made for {bench.volumeNode.GetName()}" in bench.texts()[-1]


def test_masking_is_the_only_reason_that_is_named_where_voxels_are_the_same(bench: Any) -> None:
    bench.editor.node.SetSourceVolumeIntensityMask(True)
    bench.editor.node.SetSourceVolumeIntensityMaskRange(1000, 2000)
    bench.mouse.click(bench.at("right"))
    bench.finish()
    (text,) = {text for text in bench.texts() if "stayed as they were" in text}
    assert text.endswith("stayed as they were: the Segment Editor's masking spares them.")
