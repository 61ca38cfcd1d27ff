"""Prompts and results between the scene and the sessions."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import slicer
from fake_model import CONFIDENCES, FakeModel

from vistaseg.errors import InputError, WeightsError
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.snapshots import segmentation_from_node
from vistaseg.prompts import Point, RegionOfInterest
from vistaseg.segmentation import Extent
from vistaseg.workspace import Target, Workspace
from vistaseg.workspace.tasks import STOPPED_NOTE

SHAPE = (40, 30, 40)
BODY, LEFT, RIGHT = Point((0.0, 0.0, 0.0)), Point((-40.0, 10.0, 33.0)), Point((40.0, 10.0, -20.0))
OUTSIDE = Point((500.0, 0.0, 0.0))


def region_of(desk: Any, low: int, high: int) -> np.ndarray:
    return (desk.volume.array >= low) & (desk.volume.array <= high)


def ask(desk: Any, target: Target, *prompts: Any) -> None:
    for prompt in prompts:
        desk.workspace.prompt(target, prompt, desk.editing)
        desk.finish()


def test_a_click_on_a_tilted_volume_under_a_transform_takes_what_was_clicked(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, RIGHT)
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300))
    assert desk.workspace.prompts(target) == (RIGHT,)


def test_automatic_segments_come_with_what_made_them(desk: Any) -> None:
    ids: list[str] = []
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3], on_done=ids.extend)
    assert "2 structures" in desk.workspace.task.title
    desk.finish()
    targets = [Target(desk.volume_node.GetID(), desk.segmentation_node.GetID(), each) for each in ids]
    names = [target.segment(desk.scene).GetName() for target in targets]
    assert names == ["liver", "spleen"]
    assert np.array_equal(desk.mask(targets[1]), region_of(desk, 250, 350))


def test_an_automatic_result_takes_the_place_of_an_untouched_earlier_one_alone(desk: Any) -> None:
    ids: list[str] = []
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3], on_done=ids.extend)
    desk.finish()
    touched = Target(desk.volume_node.GetID(), desk.segmentation_node.GetID(), ids[0])
    ask(desk, touched, RIGHT)
    corrected = desk.mask(touched)
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3])
    desk.finish()
    segmentation = desk.segmentation_node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 3
    assert np.array_equal(desk.mask(touched), corrected)


def test_an_automatic_result_replaces_another_and_goes_without_a_copy_of_what_its_segments_share(desk: Any) -> None:
    copies: list[int] = []
    for _ in range(2):
        desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3])
        desk.finish()
        layers = desk.segmentation_node.GetSegmentation()
        assert (layers.GetNumberOfSegments(), layers.GetNumberOfLayers()) == (2, 1)
        layers.GetLayerDataObject(0).AddObserver("ModifiedEvent", lambda *_: copies.append(1))
    desk.scene.RemoveNode(desk.segmentation_node)
    layers.RemoveAllSegments()
    assert not copies


def test_what_was_not_found_is_named(desk: Any) -> None:
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 4])
    desk.finish()
    assert any("Not found" in text and "pancreas" in text for text in desk.texts())


def test_undo_in_the_editor_takes_the_prompt_back_and_redo_brings_it_again(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT, RIGHT)
    both = desk.mask(target)
    desk.editing.undo()
    assert desk.workspace.prompts(target) == (LEFT,)
    desk.editing.redo()
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)
    assert np.array_equal(desk.mask(target), both)
    desk.editing.undo()
    desk.editing.undo()
    assert desk.workspace.prompts(target) == ()
    assert not desk.mask(target).any()


def test_painting_in_between_becomes_what_the_next_prompt_starts_from(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    desk.paint(target, Extent((0, 0, 0), (2, 2, 2)))
    ask(desk, target, RIGHT)
    assert desk.mask(target)[:2, :2, :2].all()
    assert desk.workspace.prompts(target) == (RIGHT,)
    record = provenance(desk, target)
    assert record["algorithm_type"] == "SEMIAUTOMATIC"
    assert len(record["corrected"]["prompts"]) == 1


def test_how_a_corrected_mask_was_made_is_kept_over_several_prompts(desk: Any) -> None:
    ids: list[str] = []
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3], on_done=ids.extend)
    desk.finish()
    target = Target(desk.volume_node.GetID(), desk.segmentation_node.GetID(), ids[0])
    ask(desk, target, LEFT, BODY)
    record = provenance(desk, target)
    assert [len(record["prompts"]), record["corrected"]["algorithm_type"]] == [2, "AUTOMATIC"]


def test_a_sibling_stays_as_it_is_under_what_overlaps_it(desk: Any) -> None:
    sibling, target = desk.target("sibling"), desk.target()
    desk.paint(sibling, Extent((0, 0, 0), SHAPE))
    ask(desk, target, RIGHT)
    assert desk.mask(sibling).all()
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300))


def test_what_masking_keeps_back_is_neither_written_nor_remembered(desk: Any) -> None:
    sibling, target = desk.target("sibling"), desk.target()
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editing = SegmentEditing(desk.segmentation_node, desk.volume_node, node)
    right = np.argwhere(region_of(desk, 300, 300))[::2]
    low, high = right.min(axis=0)[::-1], right.max(axis=0)[::-1] + 1
    middle = Extent(tuple(map(int, low)), (int(low[0] + high[0]) // 2, int(high[1]), int(high[2])))
    desk.paint(sibling, middle)
    before = desk.mask(sibling)
    assert before.any()
    desk.workspace.prompt(target, RIGHT, editing)
    desk.finish()
    assert np.array_equal(desk.mask(sibling), before)
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300) & ~before)
    kept = int((region_of(desk, 300, 300) & before).sum())
    assert any("masking" in text and f"{kept} voxels" in text for text in desk.texts())
    ask(desk, target, LEFT)
    assert np.array_equal(desk.mask(target), (region_of(desk, 300, 300) & ~before) | region_of(desk, 600, 600))
    assert desk.workspace.prompts(target) == (RIGHT, LEFT)


def test_painting_while_a_prompt_is_answered_is_not_lost(desk: Any, models: dict[str, FakeModel]) -> None:
    models["fake"].seconds_a_window = 0.05
    target = desk.target()
    desk.workspace.prompt(target, LEFT, desk.editing)
    desk.paint(target, Extent((0, 0, 0), (2, 2, 2)))
    desk.finish()
    assert desk.mask(target)[:2, :2, :2].all()
    assert desk.mask(target).sum() > 8
    assert desk.workspace.prompts(target) == (LEFT,)


def test_prompts_that_come_quickly_are_all_answered(desk: Any, models: dict[str, FakeModel]) -> None:
    models["fake"].seconds_a_window = 0.02
    target = desk.target()
    heard: list[Any] = []
    for prompt in (LEFT, OUTSIDE, RIGHT):
        desk.workspace.prompt(target, prompt, desk.editing, heard.append)
    desk.finish()
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)
    assert len(heard) == 3
    assert any("outside" in text for text in desk.texts())


def test_cancelling_changes_nothing_and_says_so(desk: Any, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    before = desk.mask(target)
    models["fake"].seconds_a_window = 0.1
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.workspace.prompt(target, BODY, desk.editing)
    desk.workspace.poll()
    desk.workspace.cancel()
    desk.workspace.cancel()
    assert desk.workspace.task.title == "Cancelling: Answering on a"
    desk.finish()
    assert np.array_equal(desk.mask(target), before)
    assert desk.workspace.prompts(target) == (LEFT,)
    assert any("Cancelled" in text for text in desk.texts())
    assert desk.workspace.task is None


@pytest.mark.parametrize("gone", ["volume", "segmentation", "segment", "voxels", "everything"])
def test_a_result_for_something_that_is_gone_is_dropped(desk: Any, models: dict[str, FakeModel], gone: str) -> None:
    models["fake"].seconds_a_window = 0.05
    target, other = desk.target(), desk.target("other")
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    if gone == "volume":
        desk.scene.RemoveNode(desk.volume_node)
    elif gone == "segmentation":
        desk.scene.RemoveNode(desk.segmentation_node)
    elif gone == "segment":
        desk.segmentation_node.GetSegmentation().RemoveSegment(target.segment_id)
    elif gone == "voxels":
        desk.volume_node.GetImageData().Modified()
    else:
        desk.scene.Clear(0)
    desk.finish()
    if gone in ("segment", "voxels"):
        assert not desk.mask(other).any()
    assert any("what it was for has changed or is gone" in text for text in desk.texts())


@pytest.mark.parametrize("gone", ["volume", "segmentation", "everything"])
def test_work_for_what_was_deleted_is_not_gone_on_with(desk: Any, models: dict[str, FakeModel], gone: str) -> None:
    models["fake"].windows, models["fake"].seconds_a_window = 1000, 0.02
    target = desk.target()
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3])
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    if gone == "everything":
        desk.scene.Clear(0)
    else:
        desk.scene.RemoveNode(getattr(desk, f"{gone}_node"))
    desk.finish(2)
    assert desk.texts() == [STOPPED_NOTE]


def test_whoever_watches_the_segmentation_is_told_once_of_a_result(desk: Any) -> None:
    import slicer

    target = desk.target()
    ask(desk, target, LEFT)
    kinds = ("SegmentModified", "SourceRepresentationModified", "RepresentationModified")
    told: list[str] = []
    for kind in kinds:
        event = getattr(slicer.vtkSegmentation, kind)
        desk.segmentation_node.AddObserver(event, lambda *_, kind=kind: told.append(kind))
    ask(desk, target, RIGHT)
    assert told and max(map(told.count, kinds)) == 1
    told.clear()
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3, 5])
    desk.finish()
    assert max(map(told.count, kinds)) <= 1


def test_work_for_other_volumes_goes_on(desk: Any, models: dict[str, FakeModel]) -> None:
    import slicer

    models["fake"].seconds_a_window = 0.05
    another = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Another")
    target = desk.target()
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    desk.scene.RemoveNode(another)
    desk.finish()
    assert desk.mask(target).any() and desk.texts() == []


def test_prompts_survive_another_set_of_models_and_another_workspace(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    before = desk.mask(target)
    later = Workspace(desk.scene, lambda key: FakeModel(key))
    later.models = ("fake",)
    assert later.prompts(target) == (LEFT,)
    desk.workspace.close()
    desk.workspace = later
    ask(desk, target, RIGHT)
    assert later.prompts(target) == (LEFT, RIGHT)
    assert (desk.mask(target) >= before).all()


def test_a_segment_of_other_models_goes_on_from_its_mask(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    before = desk.mask(target)
    desk.workspace.models = ("other",)
    ask(desk, target, RIGHT)
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert (desk.mask(target) >= before).all()
    assert provenance(desk, target)["corrected"]["model"] == "fake"


def test_prompts_can_be_removed_and_cleared(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT, RIGHT)
    desk.workspace.remove_prompt(target, 0, desk.editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300))
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert not desk.mask(target).any()
    assert desk.workspace.prompts(target) == ()
    desk.editing.undo()
    assert desk.workspace.prompts(target) == (RIGHT,)


def test_a_box_and_a_negative_click(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, RegionOfInterest((20.0, -10.0, -40.0), (60.0, 30.0, 0.0)), Point(RIGHT.ras, positive=False))
    assert desk.mask(target).any()
    assert not (desk.mask(target) & region_of(desk, 300, 300)).any()


def test_missing_weights_are_told_and_the_next_try_is_not_spoilt(desk: Any, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    model = models.pop("fake")

    def load(key: str) -> FakeModel:
        if key not in models:
            raise WeightsError("The weights of VISTA3D are not installed: fetch them first.")
        return models[key]

    desk.workspace.close()
    desk.workspace = Workspace(desk.scene, load)
    desk.workspace.models = ("fake",)
    ask(desk, target, LEFT)
    assert any("not installed" in text for text in desk.texts())
    models["fake"] = model
    ask(desk, target, LEFT)
    assert desk.mask(target).any()


def test_an_unexpected_error_comes_with_details(desk: Any) -> None:
    def fail(progress: Any) -> None:
        raise ZeroDivisionError("nothing to divide by")

    desk.workspace.run("Trying", fail)
    desk.finish()
    message = desk.workspace.messages.latest
    assert message.level == "error"
    assert "ZeroDivisionError" in message.text
    assert "in fail" in message.details


def test_a_volume_that_is_no_ct_is_refused_before_any_job(desk: Any) -> None:
    label_map = desk.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    with pytest.raises(InputError):
        desk.workspace.segment(label_map, desk.segmentation_node, [1])
    assert not desk.workspace.busy


def test_listeners_hear_of_changes_until_they_stop(desk: Any) -> None:
    heard: list[int] = []
    stop = desk.workspace.listen(lambda: heard.append(1))
    ask(desk, desk.target(), LEFT)
    count = len(heard)
    assert count > 1
    stop()
    stop()
    ask(desk, desk.target(), LEFT)
    assert len(heard) == count


def test_looking_somewhere_prepares_and_gives_way(desk: Any, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    desk.workspace.hint(desk.volume_node, (0.0, 0.0, 0.0))
    assert not desk.workspace.busy
    ask(desk, target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.hint(desk.volume_node, (0.0, 0.0, 0.0))
    assert desk.workspace.busy
    assert desk.workspace.task is None
    ask(desk, target, RIGHT)
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)


def test_nothing_is_left_of_a_closed_scene(desk: Any) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    desk.scene.Clear(0)
    assert desk.workspace.prompts(target) == ()
    assert desk.workspace._volumes.get(target.volume_id) is None
    assert desk.workspace._links.get(target) is None


def test_closing_takes_the_observers_along(desk: Any) -> None:
    before = desk.scene.HasObserver(desk.scene.NodeRemovedEvent)
    desk.workspace.close()
    desk.workspace.close()
    assert before
    assert not desk.workspace.busy


def provenance(desk: Any, target: Target) -> dict[str, Any]:
    from vistaseg.mrml.reading import segment_record

    return segment_record(desk.segmentation_node, target.segment_id).provenance


def test_writing_under_the_rules_of_an_editor(desk: Any) -> None:
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetSourceVolumeIntensityMask(True)
    node.SetSourceVolumeIntensityMaskRange(290, 310)
    target = desk.target()
    editing = SegmentEditing(desk.segmentation_node, desk.volume_node, node)
    desk.workspace.prompt(target, LEFT, editing)
    desk.workspace.prompt(target, RIGHT, editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300))
    editing.close()


def test_undo_while_a_prompt_is_answered_takes_back_what_it_takes_back(desk: Any, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.editing.undo()
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert np.array_equal(desk.mask(target), region_of(desk, 300, 300))


def test_painting_while_a_prompt_is_answered_outlives_the_prompts(desk: Any, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    ask(desk, target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.paint(target, Extent((0, 0, 0), (2, 2, 2)))
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT,)
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert desk.mask(target)[:2, :2, :2].all()


@pytest.mark.parametrize("touch", ["paint", "rename", "region", "other volume"])
def test_a_touched_automatic_segment_stays_beside_its_successor(desk: Any, touch: str) -> None:
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3])
    desk.finish()
    segmentation = desk.segmentation_node.GetSegmentation()
    target = Target(desk.volume_node.GetID(), desk.segmentation_node.GetID(), segmentation.GetNthSegmentID(0))
    region, volume_node = None, desk.volume_node
    if touch == "paint":
        desk.paint(target, Extent((0, 0, 0), (2, 2, 2)))
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


def test_a_painted_automatic_segment_is_exported_as_semiautomatic(desk: Any) -> None:
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [1, 3])
    desk.finish()
    segmentation_id = desk.segmentation_node.GetID()
    segment_id = desk.segmentation_node.GetSegmentation().GetNthSegmentID(1)
    desk.paint(Target(desk.volume_node.GetID(), segmentation_id, segment_id), Extent((0, 0, 0), (2, 2, 2)))
    liver, spleen = segmentation_from_node(desk.segmentation_node, desk.volume_node).segments
    assert liver.provenance["algorithm_type"] == "AUTOMATIC" and liver.confidence == CONFIDENCES[1]
    assert spleen.provenance["algorithm_type"] == "SEMIAUTOMATIC" and "confidence" not in spleen.provenance


def test_a_correction_drops_the_confidence_and_its_undoing_brings_it_back(desk: Any) -> None:
    ids: list[str] = []
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [14], on_done=ids.extend)
    desk.finish()
    target = Target(desk.volume_node.GetID(), desk.segmentation_node.GetID(), ids[0])

    def confidence() -> float | None:
        (segment,) = segmentation_from_node(desk.segmentation_node, desk.volume_node).segments
        return segment.confidence

    assert confidence() == CONFIDENCES[14]
    ask(desk, target, RIGHT)
    assert confidence() is None
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert confidence() == CONFIDENCES[14]
