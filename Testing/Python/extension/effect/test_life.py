"""The effect comes and goes, and is chosen where it cannot work."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import host
import numpy as np
import pytest
import slicer
import vtk
from host.module_manager import EXTENSION

from vistaseg.mrml.editing import SegmentEditing
from vistaseg.prompts import Point

ENGINE = Path(__file__).resolve().parents[4] / "Logic"


def observers(bench: Any) -> int:
    """Number of observers of what the effect observes."""
    nodes = (bench.editor.node, bench.segmentationNode, slicer.mrmlScene)
    return sum(node.HasObserver(event) for node in nodes for event in (vtk.vtkCommand.ModifiedEvent, *EVENTS))


EVENTS = (slicer.vtkSegmentation.SourceRepresentationModified, slicer.vtkSegmentation.SegmentModified)


def nodes() -> int:
    return slicer.mrmlScene.GetNumberOfNodes()


def click(bench: Any, place: str = "right") -> None:
    bench.mouse.click(bench.at(place))
    bench.finish()


@pytest.mark.parametrize("preview", [False, True])
def test_nothing_is_left_of_an_effect_that_is_left_in_mid_job(bench: Any, models: Any, preview: bool) -> None:
    models["demo"].seconds_a_window = 0.1
    bench.editor.deactivate()
    before = observers(bench), bench.drawings(), nodes(), len(bench.workspace._listeners)
    bench.editor.activate()
    bench.ui.previewCheckBox.setChecked(preview)
    bench.mouse.click(bench.at("right"))
    bench.mouse.click((210, 208))
    bench.editor.deactivate()
    bench.finish()
    assert not bench.mask("a").any() and not bench.editor.can_undo
    assert (observers(bench), bench.drawings(), nodes(), len(bench.workspace._listeners)) == before
    assert bench.workspace.prompts(bench.target("a")) == ()


def test_an_inactive_effect_hears_nothing(bench: Any) -> None:
    bench.editor.deactivate()
    assert not bench.mouse.offer("LeftButtonPress", bench.at("right"))
    bench.editor.node.SetSelectedSegmentID(bench.segments["b"])
    bench.effect.updateGUIFromMRML()
    bench.effect.sourceVolumeNodeChanged()
    bench.effect.processViewNodeEvents(bench.sliceNode, 0, bench.view)
    assert not bench.drawings()


def test_prompts_are_there_again_when_the_effect_is_chosen_again(bench: Any) -> None:
    click(bench)
    bench.editor.deactivate()
    assert bench.lines() == 0
    bench.editor.activate()
    assert bench.lines() > 0
    click(bench, "left")
    assert len(bench.workspace.prompts(bench.target("a"))) == 2


def test_the_panel_and_the_effect_share_prompts_and_caches(bench: Any) -> None:
    click(bench)
    editing = SegmentEditing(bench.segmentationNode, bench.volumeNode)
    bench.workspace.prompt(bench.target("a"), Point((-40.0, 10.0, 33.0)), editing)
    bench.finish()
    editing.close()
    assert len(bench.effect.work.prompting.prompts) == 2
    assert np.array_equal(bench.mask("a"), bench.region(300, 300) | bench.region(600, 600))


def test_closing_the_scene_in_mid_job(bench: Any, models: Any) -> None:
    models["demo"].seconds_a_window = 0.1
    bench.mouse.click(bench.at("right"))
    slicer.mrmlScene.Clear(0)
    bench.editor.reset()
    bench.editor.deactivate()
    bench.finish()
    assert not slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


@pytest.mark.parametrize(
    ("missing", "word"),
    [("segmentation", "segmentation"), ("volume", "source volume"), ("segment", "segment"), ("read-only", "read-only")],
)
def test_what_is_missing_is_said(bench: Any, missing: str, word: str) -> None:
    node, at = bench.editor.node, bench.at("right")
    if missing == "segmentation":
        node.SetAndObserveSegmentationNode(None)
    elif missing == "volume":
        node.SetAndObserveSourceVolumeNode(None)
    elif missing == "segment":
        node.SetSelectedSegmentID(None)
    else:
        bench.editor.effect.optionsFrame().setEnabled(False)
    bench.mouse.click(at)
    bench.finish()
    assert word in bench.texts()[-1]
    assert not bench.mask("a").any()


def test_a_read_only_editor_lets_nothing_through(bench: Any, models: Any) -> None:
    models["demo"].seconds_a_window = 0.05
    bench.mouse.click(bench.at("right"))
    bench.editor.lock()
    bench.finish()
    click(bench, "left")
    assert not bench.mask("a").any() and bench.workspace.prompts(bench.target("a")) == ()


def test_a_segmentation_of_surfaces_asks_to_be_converted(bench: Any) -> None:
    click(bench)
    segmentation = bench.segmentationNode.GetSegmentation()
    segmentation.CreateRepresentation("Closed surface")
    segmentation.SetSourceRepresentationName("Closed surface")
    bench.mouse.click(bench.at("left"))
    bench.finish()
    assert "convert" in bench.texts()[-1]
    assert segmentation.GetSourceRepresentationName() == "Closed surface"


def test_a_segmentation_without_a_reference_volume(bench: Any) -> None:
    bench.segmentationNode = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Bare")
    bench.segments["a"] = bench.add_segment("a")
    bench.editor.choose(bench.volumeNode, bench.segmentationNode, bench.segments["a"])
    bench.editor.activate()
    click(bench)
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))


@pytest.mark.parametrize("answer", ["Cancel", "Yes", "No"])
def test_a_hidden_segment_is_asked_about_before_it_changes(bench: Any, answer: str) -> None:
    display = bench.segmentationNode.GetDisplayNode()
    display.SetSegmentVisibility(bench.segments["a"], False)
    with bench.editor.answering(answer):
        click(bench)
    assert not bench.mask("a").any() and bench.workspace.prompts(bench.target("a")) == ()
    assert bool(display.GetSegmentVisibility(bench.segments["a"])) == (answer == "Yes")


def test_a_volume_that_is_no_scan_is_refused(bench: Any) -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Blank")
    bench.editor.choose(node, bench.segmentationNode, bench.segments["a"])
    click(bench)
    assert "no voxels" in bench.texts()[-1]


def test_deleting_the_segment_in_mid_job_is_told(bench: Any, models: Any) -> None:
    models["demo"].seconds_a_window = 0.1
    bench.mouse.click(bench.at("right"))
    bench.segmentationNode.GetSegmentation().RemoveSegment(bench.segments["a"])
    bench.finish()
    # Without a segment that is selected the editor may end the effect before the answer is there.
    assert "gone" in bench.texts()[-1] or "Cancelled" in bench.texts()[-1]
    assert bench.workspace.task is None


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("gone", ["volume", "segmentation"])
def test_deleting_a_node_in_mid_job_is_told_and_leaves_nothing(
    bench: Any, models: Any, gone: str, preview: bool
) -> None:
    models["demo"].seconds_a_window = 0.1
    bench.ui.previewCheckBox.setChecked(preview)
    at = bench.at("right")
    bench.mouse.click(at)
    slicer.mrmlScene.RemoveNode(bench.volumeNode if gone == "volume" else bench.segmentationNode)
    before = nodes()
    bench.finish()
    # The answer may have been there already when a busy application came to remove the node.
    assert bench.texts()[-1].startswith(("Stopped", "Cancelled", "The result came too late"))
    bench.mouse.click(at)
    bench.finish()
    assert not [text for text in bench.texts() if "unexpected" in text]
    assert bench.lines() == 0 and nodes() == before and not bench.editor.can_undo


@pytest.mark.skipif(host.is_slicer(), reason="asks what a new process imports")
def test_registering_imports_nothing_heavy() -> None:
    script = f"""
import sys
sys.path[:0] = [{str(ENGINE.parent / "Testing")!r}, {str(EXTENSION / "VistaSeg")!r}]
import host
host.start()
from host import module_manager, segment_editor
segment_editor.install()
module_manager.load("SegmentEditorVistaSeg")
sys.modules["SegmentEditorVistaSeg"].registerEffect()
print([name for name in ("torch", "monai", "pydicom", "scipy", "SimpleITK") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("[]"), done.stdout + done.stderr


def test_a_click_takes_hardly_longer_than_the_model(bench: Any, models: Any) -> None:
    click(bench, "left")
    models["demo"].seconds_a_window = 0.2
    begun = time.perf_counter()
    click(bench)
    taken = time.perf_counter() - begun
    assert taken <= 1.2 * models["demo"].windows * 0.2
