"""Two scans in one scene: the results of each go into its own segmentation, and nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from host.mrml_nodes import add_scan, full_mask, tilted
from panel_case import load_scene, place_point, prompt_rows, red_view, save_scene

from vistaseg.mrml.tags import PLACE_TAG

SPLEEN_ID, SPLEEN = 3, 300
FIRST, SECOND = (44, 30, 44), (40, 36, 40)


@pytest.fixture
def scans(scene, phantom):
    """The first scan and a second of another patient: other voxels, half of them beyond the first scan."""
    first = add_scan(phantom(FIRST, tilted(FIRST, (-4.0, 5.0, 4.5))))
    second = add_scan(phantom(SECOND, tilted(SECOND, (4.4, 4.0, 4.9))))
    first.SetName("CT of A")
    second.SetName("CT of B")
    second.SetOrigin(*np.add(second.GetOrigin(), (70, -20, 60)))
    return first, second


def segment(case):
    case.selection.parameters.classIds = str(SPLEEN_ID)
    case.section("Automatic").ui.segmentButton.click()
    case.settle()


def choose(case, name, node):
    """As a user does, in the selector at the top."""
    getattr(case.section("Model").ui, f"{name}Selector").setCurrentNode(node)
    case.settle()


def holds_all(segmentation, volume) -> bool:
    """Whether the last segment is all of the spleen of a scan."""
    segment_id = list(segmentation.GetSegmentation().GetSegmentIDs())[-1]
    return np.array_equal(full_mask(segmentation, segment_id, volume), slicer.util.arrayFromVolume(volume) == SPLEEN)


def texts(case):
    return [message.text for message in case.workspace.messages.all]


def test_another_volume_brings_its_own_segmentation(case, scans):
    first, second = scans
    choose(case, "volume", first)
    segment(case)
    of_first = case.selection.segmentationNode
    choose(case, "volume", second)
    assert case.selection.segmentationNode is None
    assert texts(case)[-1] == "Results of CT of B go into a new segmentation."
    segment(case)
    of_second = case.selection.segmentationNode
    assert of_second is not of_first and holds_all(of_second, second) and holds_all(of_first, first)
    assert of_first.GetSegmentation().GetNumberOfSegments() == of_second.GetSegmentation().GetNumberOfSegments() == 1
    choose(case, "volume", first)
    assert case.selection.segmentationNode is of_first
    assert case.section("Model").ui.segmentationSelector.currentNode() is of_first


def test_after_the_other_volume_was_deleted(case, scans):
    first, second = scans
    choose(case, "volume", first)
    segment(case)
    of_first = case.selection.segmentationNode
    slicer.mrmlScene.RemoveNode(first)
    choose(case, "volume", second)
    assert case.selection.segmentationNode is None
    segment(case)
    assert holds_all(case.selection.segmentationNode, second)
    assert of_first.GetSegmentation().GetNumberOfSegments() == 1


def test_after_a_scene_was_loaded_that_mixes_both(case, scans, tmp_path):
    """As earlier versions left it."""
    first, second = scans
    choose(case, "volume", first)
    segment(case)
    choose(case, "volume", second)
    segment(case)
    case.selection.segmentationNode = next(
        node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if "of A" in node.GetName()
    )
    load_scene(save_scene(tmp_path))
    case.settle()
    assert case.selection.volumeNode.GetName() == "CT of B"
    assert case.selection.segmentationNode.GetName() == "CT of B segmentation"
    case.selection.volumeNode = slicer.util.getNode("CT of A")
    assert case.selection.segmentationNode.GetName() == "CT of A segmentation"


def test_a_segmentation_of_another_scan_can_be_chosen_and_then_holds_all_of_both(case, scans):
    first, second = scans
    choose(case, "volume", first)
    segment(case)
    mixed = case.selection.segmentationNode
    choose(case, "volume", second)
    choose(case, "segmentation", mixed)
    assert "was made for CT of A: results of CT of B are added to it" in texts(case)[-1]
    case.panel.exit()
    case.panel.enter()  # it is not chosen away when the user looks at something else
    assert case.selection.segmentationNode is mixed
    segment(case)
    assert mixed.GetSegmentation().GetNumberOfSegments() == 2
    segment_id = list(mixed.GetSegmentation().GetSegmentIDs())[-1]
    written, whole = full_mask(mixed, segment_id, second), slicer.util.arrayFromVolume(second) == SPLEEN
    assert abs(np.count_nonzero(written) / np.count_nonzero(whole) - 1) < 0.05
    assert np.count_nonzero(written ^ whole) < 0.25 * np.count_nonzero(whole)  # its voxels lie otherwise


def test_a_segmentation_that_was_chosen_before_any_volume_stays(case, scans):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "from a file")
    node.GetSegmentation().AddEmptySegment("", "drawn")
    case.selection.segmentationNode = node
    choose(case, "volume", scans[0])
    assert case.selection.segmentationNode is node


@pytest.fixture
def show(case):
    """Shows a scan in the red view, alone or in front of another; the pointer is there."""

    def show(back, front=None, opacity=0.5):
        view, composite = red_view()
        view.SetMappedInLayout(1)
        composite.SetBackgroundVolumeID(back.GetID())
        composite.SetForegroundVolumeID(front.GetID() if front is not None else None)
        composite.SetForegroundOpacity(opacity)
        crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if crosshair is None:
            crosshair = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLCrosshairNode")
        crosshair.SetCursorPositionXYZ([5, 5, 0], view)
        case.settle()

    yield show


def click(case, positive=True):
    """On the spleen of the first scan."""
    section = case.section("Interactive")
    (section.ui.positiveButton if positive else section.ui.negativeButton).click()
    place_point((40.0, 10.0, -20.0))
    case.settle()
    section.ui.positiveButton.click() if section.ui.positiveButton.checked else section.ui.negativeButton.click()


def test_a_click_in_a_view_of_another_scan_changes_nothing_and_says_so(case, scans, show):
    first, second = scans
    choose(case, "volume", first)
    show(first)
    segment(case)
    case.selection.segmentId = list(case.segments.values())[0]
    before = case.mask("spleen")
    for arrange in (lambda: show(second), lambda: show(first, second, opacity=1.0)):
        arrange()
        click(case, positive=False)
        assert texts(case)[-1].startswith("The view shows CT of B, and CT of A is segmented: nothing was asked.")
        assert np.array_equal(case.mask("spleen"), before) and case.section("Interactive")._prompting.answered == ()
    show(second, first)  # both can be seen
    click(case, positive=False)
    assert not case.mask("spleen").any()


def test_the_scan_of_the_views_is_offered(case, scans, show):
    first, second = scans
    choose(case, "volume", first)
    ui = case.section("Model").ui
    show(first)
    assert ui.shownLabel.isHidden() and ui.shownButton.isHidden()
    show(second)
    assert not ui.shownButton.isHidden() and ui.shownButton.text == "Use CT of B"
    assert ui.shownLabel.text == "⚠ The slice views show CT of B, not CT of A."
    ui.shownButton.click()
    case.settle()
    assert case.selection.volumeNode is second and ui.shownButton.isHidden()


@pytest.fixture
def clone():
    """A copy of a segmentation, as Slicer's subject hierarchy makes it: it refers to no volume."""

    def make(segmentation):
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "copy of A")
        node.GetSegmentation().DeepCopy(segmentation.GetSegmentation())
        node.CreateDefaultDisplayNodes()
        return node

    return make


@pytest.mark.parametrize("how", ["copied", "deleted"])
@pytest.mark.parametrize("kind", ["clicked", "automatic", "clicked by an earlier version"])
def test_results_of_another_scan_are_told_by_the_segments_themselves(case, scans, clone, how, kind):
    first, second = scans
    choose(case, "volume", first)
    if kind == "automatic":
        segment(case)
    else:
        case.section("Interactive").ui.positiveButton.click()
        place_point((40.0, 10.0, -20.0))
        case.settle()
    made = case.selection.segmentationNode
    segment_id = next(iter(made.GetSegmentation().GetSegmentIDs()))
    if "earlier" in kind:
        made.GetSegmentation().GetSegment(segment_id).RemoveTag(PLACE_TAG)
    if how == "copied":
        made = clone(made)
    else:
        slicer.mrmlScene.RemoveNode(first)
    choose(case, "volume", second)
    assert case.selection.segmentationNode is None
    choose(case, "segmentation", made)
    other = "another scan" if "earlier" in kind else "CT of A"
    assert texts(case)[-1].startswith(f"{made.GetName()} was made for {other}: results of CT of B are added to it.")
    case.selection.segmentId = segment_id
    case.settle()
    assert prompt_rows(case.section("Interactive")) == [] or "earlier" in kind
    case.selection.segmentId = ""
    segment(case)  # it refers to the second scan from now on, and still holds a result of the first
    choose(case, "segmentation", None)
    choose(case, "segmentation", made)
    assert texts(case)[-1].startswith(f"{made.GetName()} was made for {other}")


def test_a_copy_is_of_the_scan_that_it_was_copied_for(case, scans, clone):
    first, _second = scans
    choose(case, "volume", first)
    case.section("Interactive").ui.positiveButton.click()
    place_point((40.0, 10.0, -20.0))
    case.settle()
    copy = clone(case.selection.segmentationNode)
    case.workspace.messages.clear()
    choose(case, "segmentation", copy)
    case.selection.segmentId = next(iter(copy.GetSegmentation().GetSegmentIDs()))
    case.settle()
    assert texts(case) == [] and len(prompt_rows(case.section("Interactive"))) == 1


def test_what_was_said_of_a_segmentation_goes_when_another_is_chosen(case, scans):
    first, second = scans
    choose(case, "volume", first)
    segment(case)
    choose(case, "volume", second)
    segment(case)
    choose(case, "volume", first)
    assert case.workspace.messages.latest.text.startswith("Results of CT of A go into")
    choose(case, "segmentation", None)
    assert case.workspace.messages.latest is None


@pytest.mark.parametrize("kind", ["click", "box"])
def test_a_prompt_is_of_the_view_that_it_was_placed_in_wherever_the_pointer_goes_then(case, scans, show, kind):
    first, second = scans
    choose(case, "volume", first)
    show(second)
    section = case.section("Interactive")
    (section.ui.positiveButton if kind == "click" else section.ui.boxButton).click()
    place_point((40.0, 10.0, -20.0))
    if kind == "box":
        place_point((60.0, 20.0, 0.0))
    green = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSliceNode")
    green.UnRegister(None)
    green.SetSingletonTag("Green2")
    green.SetLayoutName("Green2")
    green.SetOrientationToAxial()
    green = slicer.mrmlScene.AddNode(green)
    slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCursorPositionXYZ([5, 5, 0], green)
    case.settle()
    assert texts(case)[-1].startswith("The view shows CT of B, and CT of A is segmented: nothing was asked.")
    assert case.segments == {}


def test_another_volume_ends_placing(case, scans):
    first, second = scans
    choose(case, "volume", first)
    section = case.section("Interactive")
    section.ui.negativeButton.click()
    assert section.ui.negativeButton.checked
    choose(case, "volume", second)
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert not section.ui.negativeButton.checked
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
