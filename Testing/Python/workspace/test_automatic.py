"""Automatic results: what they come with, and what they take the place of."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fake_model import CLASSES, CONFIDENCES, FakeModel
from workspace_case import BODY, LEFT, RIGHT, Desk

from vistaseg.mrml.snapshots import segmentation_from_node
from vistaseg.prompts import RegionOfInterest


def test_automatic_segments_come_with_what_made_them(desk: Desk) -> None:
    ids: list[str] = []
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3], on_done=ids.extend)
    assert "2 structures" in desk.workspace.task.title
    desk.finish()
    liver, spleen = map(desk.target_of, ids)
    assert [each.segment(desk.scene).GetName() for each in (liver, spleen)] == ["liver", "spleen"]
    assert np.array_equal(desk.mask(spleen), desk.region(250, 350))


def test_what_was_not_found_is_named(desk: Desk) -> None:
    desk.segment(1, 4)
    assert any("Not found" in text and "pancreas" in text for text in desk.texts())


def test_an_automatic_result_takes_the_place_of_an_untouched_earlier_one_alone(desk: Desk) -> None:
    touched, _ = desk.segment(1, 3)
    desk.ask(touched, RIGHT)
    corrected = desk.mask(touched)
    desk.segment(1, 3)
    segmentation = desk.segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 3
    assert np.array_equal(desk.mask(touched), corrected)


def test_a_numbered_result_makes_place_for_its_successor_until_it_is_renamed(desk: Desk) -> None:
    (painted,) = desk.segment(3)
    desk.paint(painted)
    segmentation = desk.segmentation_node.GetSegmentation()

    def names() -> list[str]:
        return [segmentation.GetSegment(each).GetName() for each in segmentation.GetSegmentIDs()]

    desk.segment(3)
    (again,) = desk.segment(3)
    assert names() == ["spleen", "spleen 2"]
    assert np.array_equal(desk.mask(again), desk.region(250, 350))
    again.segment(desk.scene).SetName("mine")
    desk.segment(3)
    assert names() == ["spleen", "mine", "spleen 2"]


def test_an_automatic_result_replaces_another_and_goes_without_a_copy_of_what_its_segments_share(desk: Desk) -> None:
    copies: list[int] = []
    for _ in range(2):
        desk.segment(1, 3)
        layers = desk.segmentation_node.GetSegmentation()
        assert (layers.GetNumberOfSegments(), layers.GetNumberOfLayers()) == (2, 1)
        layers.GetLayerDataObject(0).AddObserver("ModifiedEvent", lambda *_: copies.append(1))
    desk.scene.RemoveNode(desk.segmentation_node)
    layers.RemoveAllSegments()
    assert not copies


@pytest.mark.parametrize("touch", ["paint", "rename", "region", "other volume"])
def test_a_touched_automatic_segment_stays_beside_its_successor(desk: Desk, touch: str) -> None:
    (target,) = desk.segment(3)
    segmentation = desk.segmentation_node.GetSegmentation()
    region, volume_node = None, desk.volume_node
    if touch == "paint":
        desk.paint(target)
    elif touch == "rename":
        segmentation.GetSegment(target.segment_id).SetName("my spleen")
    elif touch == "region":
        region = RegionOfInterest((20.0, -10.0, -40.0), (60.0, 30.0, 0.0))
    else:
        volume_node = slicer.modules.volumes.logic().CloneVolume(desk.scene, desk.volume_node, "later")
        volume_node.GetImageData().GetPointData().GetScalars().SetComponent(0, 0, 77)
    before = desk.mask(target)
    desk.workspace.segment(volume_node, desk.segmentation_node, [3], region)
    desk.finish()
    assert segmentation.GetNumberOfSegments() == 2
    assert np.array_equal(desk.mask(target), before)


def test_how_a_corrected_mask_was_made_is_kept_over_several_prompts(desk: Desk) -> None:
    (target,) = desk.segment(3)
    desk.ask(target, LEFT, BODY)
    record = desk.provenance(target)
    assert [len(record["prompts"]), record["corrected"]["algorithm_type"]] == [2, "AUTOMATIC"]


def test_a_painted_automatic_segment_is_exported_as_semiautomatic(desk: Desk) -> None:
    _, painted = desk.segment(1, 3)
    desk.paint(painted)
    liver, spleen = segmentation_from_node(desk.segmentation_node, desk.volume_node).segments
    assert liver.provenance["algorithm_type"] == "AUTOMATIC" and liver.confidence == CONFIDENCES[1]
    assert spleen.provenance["algorithm_type"] == "SEMIAUTOMATIC" and "confidence" not in spleen.provenance


def test_a_correction_drops_the_confidence_and_its_undoing_brings_it_back(desk: Desk) -> None:
    (target,) = desk.segment(14)

    def confidence() -> float | None:
        (segment,) = segmentation_from_node(desk.segmentation_node, desk.volume_node).segments
        return segment.confidence

    assert confidence() == CONFIDENCES[14]
    desk.ask(target, RIGHT)
    assert confidence() is None
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert confidence() == CONFIDENCES[14]


def test_a_rerun_keeps_the_id_colour_visibility_and_place_of_what_it_replaces(desk: Desk) -> None:
    first, second = desk.segment(1, 3)
    segmentation, display = desk.segmentation_node.GetSegmentation(), desk.segmentation_node.GetDisplayNode()
    segmentation.GetSegment(first.segment_id).SetColor(0.1, 0.2, 0.3)
    display.SetSegmentVisibility(first.segment_id, False)
    assert desk.segment(3, 1) == [second, first]
    assert list(segmentation.GetSegmentIDs()) == [first.segment_id, second.segment_id]
    assert segmentation.GetSegment(first.segment_id).GetColor() == pytest.approx((0.1, 0.2, 0.3))
    assert not display.GetSegmentVisibility(first.segment_id)
    assert np.array_equal(desk.mask(second), desk.region(250, 350))


def test_a_click_during_a_rerun_waits_and_is_answered_on_the_new_segment(
    desk: Desk, models: dict[str, FakeModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    (target,) = desk.segment(3)
    monkeypatch.setitem(CLASSES, 3, (550, 650))  # now the model finds it elsewhere
    models["fake"].seconds_a_window = 0.05
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3], writer=desk.editing)
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT,) and desk.texts() == []
    assert np.array_equal(desk.mask(target), desk.region(300) | desk.region(600))
    assert desk.provenance(target)["corrected"]["algorithm_type"] == "AUTOMATIC"
    desk.editing.undo()
    assert np.array_equal(desk.mask(target), desk.region(600))


def test_undo_of_a_run_brings_back_what_it_replaced_and_leaves_what_was_painted_since(desk: Desk) -> None:
    spleen, liver = desk.segment(3, 1)
    old = desk.mask(spleen)
    desk.volume_node.GetImageData().Modified()  # another session
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3, 1, 5], writer=desk.editing)
    desk.finish()
    segmentation = desk.segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 3
    by_hand = segmentation.AddEmptySegment("by hand", "by hand")
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    painted = slicer.vtkOrientedImageData()
    painted.DeepCopy(segmentation.GetSegment(spleen.segment_id).GetRepresentation("Binary labelmap"))
    logic.SetBinaryLabelmapToSegment(painted, desk.segmentation_node, by_hand, logic.MODE_REPLACE)
    kept = desk.mask(desk.target_of(by_hand))
    assert desk.editing.undo() == ""
    assert list(segmentation.GetSegmentIDs()) == [spleen.segment_id, liver.segment_id, by_hand]
    assert np.array_equal(desk.mask(spleen), old) and np.array_equal(desk.mask(desk.target_of(by_hand)), kept)
    desk.editing.redo()
    assert segmentation.GetNumberOfSegments() == 4
