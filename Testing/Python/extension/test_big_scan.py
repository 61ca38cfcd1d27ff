"""A hundred structures in a large scan: the window does not stand still for a second run, nor for the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
from host.mrml_nodes import add_volume
from panel_case import add_rotation

from vistaseg import catalog
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.sharing import release_labelmaps
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.mrml.writing import labelmap_of
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.workspace.automatic import Earlier, put, sealed

SHAPE_IJK = (512, 512, 600)
COUNT = 108
MADE = {"algorithm_type": "AUTOMATIC", "algorithm_name": "VISTA3D", "model": "vista3d"}
LIMIT_S = 0.5
UNDO_LIMIT_S = 1.5
"""Of undo where others changed the label map that all segments share: each is compared with what it was made."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Processor time of this thread: a busy machine is no slow program."""
    start = time.thread_time()
    yield
    assert time.thread_time() - start < seconds


def organs() -> list[Segment]:
    """Ellipsoids that fill half of the scan."""
    k, j, i = (np.linspace(-1, 1, size) for size in (196, 80, 80))
    mask = k[:, None, None] ** 2 + j[:, None] ** 2 + i**2 < 1
    places = ((i * 84, j * 84, k * 200) for k, j, i in product(range(3), range(6), range(6)))
    structures = [catalog.get(structure_id) for structure_id in catalog.everything()[:COUNT]]
    return [
        Segment(one.name, one.id, one.id, one.color, one.terminology, BoxedMask.of(mask, place), MADE)
        for one, place in zip(structures, places, strict=True)
    ]


@pytest.fixture
def run(scene) -> Callable[[], list[str]]:
    """Segments everything once more; what belongs to the thread of MRML has to be quick."""
    volume_node = add_volume(np.zeros(SHAPE_IJK[::-1], np.int16))
    volume = volume_from_node(volume_node)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    editing = SegmentEditing(node, volume_node)
    result = Segmentation(SHAPE_IJK, np.eye(4), organs())
    class_ids = [segment.structure_id for segment in result.segments]

    def run() -> list[str]:
        with within(LIMIT_S):
            earlier = Earlier(node, volume_node, class_ids)
        earlier.read()
        made = sealed(result, volume)
        with within(LIMIT_S):
            return put(node, made, volume_node, editing, earlier)

    run.node, run.volume_node, run.editing = node, volume_node, editing
    yield run
    editing.close()
    # Or the garbage collector does it within another test, segment by segment, which takes half a minute.
    release_labelmaps(node)


def test_a_second_run_does_not_freeze_the_window(run):
    first = run()
    box = VoxelBox.whole((80, 80, 196))
    spot = np.zeros(box.shape_kji, bool)
    spot[90:100, 30:40, 30:40] = True
    with run.editing.step(), within(LIMIT_S):
        run.editing.apply(first[0], MaskChange.in_box(~spot & False, spot, box))
    second = run()
    assert len(second) == COUNT and set(first[1:]) < set(second)
    assert first[0] not in second  # what was corrected stays beside its successor
    assert run.node.GetSegmentation().GetNumberOfSegments() == COUNT + 1


@pytest.fixture
def editor(run, scene):
    """The Segment Editor's logic on the segmentation of `run`."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(scene)
    logic.SetSegmentEditorNode(node)
    node.SetAndObserveSegmentationNode(run.node)
    node.SetAndObserveSourceVolumeNode(run.volume_node)
    node.SetOverwriteMode(node.OverwriteNone)
    yield logic
    logic.SetSegmentEditorNode(None)
    logic.SetMRMLScene(None)


def test_keeping_states_before_a_step_does_not_freeze_the_window(run, editor):
    run()
    saved = []
    run.editing._save_elsewhere = lambda: saved.append(editor.SaveStateForUndo())
    with within(LIMIT_S), run.editing.step():
        pass
    assert saved


def test_undo_of_a_run_that_others_painted_on_is_bounded_and_keeps_their_segment(run, editor):
    liver = run()[0]
    box = VoxelBox((30, 30, 80), (50, 50, 100))
    spot = BoxedMask(np.ones(box.shape_kji, bool), box)
    labelmap = labelmap_of(spot, run.volume_node, run.node)
    editor.ModifySegmentByLabelmap(run.node, liver, labelmap, editor.ModificationModeRemove, False, False)
    with within(UNDO_LIMIT_S):
        said = run.editing.undo()
    segmentation = run.node.GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == [liver]
    assert segmentation.GetSegment(liver).GetName() in said
    with within(UNDO_LIMIT_S):
        run.editing.redo()
    assert segmentation.GetNumberOfSegments() == COUNT


@pytest.mark.parametrize("turned", [False, True])
def test_measuring_for_the_table_of_results_does_not_freeze_the_window(run, panel, turned):
    from VistaSegLib.ResultRows import ResultRows

    ids = run()
    if turned:
        run.node.SetAndObserveTransformNodeID(add_rotation(3.0).GetID())
    rows = ResultRows()
    steps = rows.measure(run.node, run.volume_node)
    for _ in iter(lambda: step_within(LIMIT_S, steps), None):
        pass
    voxels = [row.measures.numbers.voxels for row in rows.rows(run.node)]
    rows.close()
    whole = organs()[0].voxel_count
    assert len(voxels) == len(ids)
    # What is turned leaves the scan in part.
    assert max(voxels) == pytest.approx(whole, rel=0.01) if turned else set(voxels) == {whole}


def step_within(seconds: float, steps: Iterator[None]) -> bool | None:
    """The next step, which has to be as quick; None after the last."""
    with within(seconds):
        return next((True for _ in steps), None)
