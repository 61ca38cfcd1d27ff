"""A scene that an earlier version saved in Slicer is gone on with: masks, what made them, prompts, undoing them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from fake_model import CLASSES, FakeModel
from frozen_calls import FROZEN
from host.mrml_nodes import full_mask
from waiting import wait_until

from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.reading import segment_record
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.prompts import Point
from vistaseg.segmentation import read_segmentation
from vistaseg.volume import read_volume
from vistaseg.workspace import SegmentReference, Workspace

FIRST, SECOND = Point((35.2, 10.8, 309.3)), Point((-107.0, -28.0, 315.0))
TAGS = {"VistaSeg.Seal", "VistaSeg.Answer", "VistaSeg.Prompts", "VistaSeg.Provenance", "VistaSeg.StructureId"}


@pytest.fixture
def loaded(scene: Any, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """The scene, with a workspace whose model answers from Hounsfield units."""
    with ZipFile(FROZEN / "scene.mrb") as archive:
        archive.extractall(tmp_path)
    scene.SetURL(str(tmp_path / "scene" / "scene.mrml"))
    assert scene.Connect()
    volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    node = scene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    workspace = Workspace(scene, FakeModel)
    workspace.models = ("fake",)
    editing = SegmentEditing(node, volume)
    segmentation = node.GetSegmentation()
    ids = {segmentation.GetSegment(one).GetName(): one for one in segmentation.GetSegmentIDs()}
    yield SimpleNamespace(volume=volume, node=node, workspace=workspace, editing=editing, ids=ids)
    editing.close()
    workspace.close(5.0)


def target(loaded: SimpleNamespace, name: str) -> SegmentReference:
    return SegmentReference(loaded.volume.GetID(), loaded.node.GetID(), loaded.ids[name])


def finish(loaded: SimpleNamespace) -> None:
    wait_until(lambda: not loaded.workspace.busy, loaded.workspace.poll, 20.0)


def mask(loaded: SimpleNamespace, name: str) -> np.ndarray:
    return full_mask(loaded.node, loaded.ids[name], loaded.volume)


def values(loaded: SimpleNamespace, class_id: int) -> np.ndarray:
    low, high = CLASSES[class_id]
    array = volume_from_node(loaded.volume).array
    return (array >= low) & (array <= high)


def test_masks_lie_where_they_lay(loaded):
    expected = read_volume(FROZEN / "input" / "scan.nii.gz")
    assert np.array_equal(volume_from_node(loaded.volume).array, expected.array)
    assert list(loaded.ids) == ["liver", "spleen", "object 1"]
    assert mask(loaded, "liver").any() and np.array_equal(mask(loaded, "liver"), values(loaded, 1))


def test_segments_say_what_made_them(loaded):
    records = {name: segment_record(loaded.node, one) for name, one in loaded.ids.items()}
    assert [record.structure_id for record in records.values()] == [1, 3, None]
    kinds = [record.provenance["algorithm_type"] for record in records.values()]
    assert kinds == ["AUTOMATIC", "SEMIAUTOMATIC", "SEMIAUTOMATIC"]


def test_the_names_of_the_tags_are_those_of_the_file(tmp_path):
    """Other programs read them."""
    pytest.importorskip("nrrd")
    with ZipFile(FROZEN / "scene.mrb") as archive:
        archive.extract("scene/Data/result.seg.nrrd", tmp_path)
    path = tmp_path / "scene" / "Data" / "result.seg.nrrd"
    header = path.read_bytes().split(b"\n\n")[0].decode()
    assert all(tag in header for tag in TAGS)
    found = read_segmentation(path)
    assert json.dumps([one.structure_id for one in found.segments]) == "[1, 3, null]"


@pytest.mark.parametrize(("name", "signs"), [("spleen", [True, True]), ("object 1", [True, False]), ("liver", [])])
def test_prompts_are_those_that_were_made(loaded, name, signs):
    found = loaded.workspace.prompts(target(loaded, name))
    assert [one.positive for one in found] == signs
    assert all(np.allclose(one.ras, place) for one, place in zip(found, (FIRST.ras, SECOND.ras), strict=False))


def test_prompts_are_taken_back_and_another_one_is_added(loaded):
    spleen = target(loaded, "spleen")
    before = mask(loaded, "spleen")
    for index in (1, 0):
        loaded.workspace.remove_prompt(spleen, index, loaded.editing)
        finish(loaded)
    assert np.array_equal(mask(loaded, "spleen"), values(loaded, 3)) and not np.array_equal(before, values(loaded, 3))
    loaded.workspace.prompt(spleen, FIRST, loaded.editing)
    finish(loaded)
    assert len(loaded.workspace.prompts(spleen)) == 1
    assert (mask(loaded, "spleen") & before).any()


def test_an_untouched_result_is_replaced_and_not_doubled(loaded):
    loaded.workspace.segment(loaded.volume, loaded.node, [1, 3], writer=loaded.editing)
    finish(loaded)
    segmentation = loaded.node.GetSegmentation()
    names = [segmentation.GetSegment(one).GetName() for one in segmentation.GetSegmentIDs()]
    assert sorted(names) == ["liver", "object 1", "spleen", "spleen 2"]  # the spleen was corrected, and stays
    assert loaded.ids["liver"] in segmentation.GetSegmentIDs()
