"""The panel and a Segment Editor on one segmentation: undo takes back a step at a time, and no work of the other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from effect_case import register_effect, segment_editor
from panel_case import LEFT_KIDNEY, MIDDLES, RIGHT_KIDNEY, SPLEEN, PanelCase, add_ct, ct_array, prompt_rows

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.writing import labelmap_of

STORIES, STEPS = 12, 25
SHAPE = ct_array().shape


class Somebody:
    """Works in the Segment Editor on the segmentation of the panel."""

    def __init__(self, case: PanelCase) -> None:
        self.case = case
        self.editor = segment_editor.Editor("VistaSeg")

    def open(self) -> None:
        self.editor.choose(self.case.selection.volumeNode, self.case.selection.segmentationNode)

    def add(self, name: str) -> str:
        self.editor.effect.saveStateForUndo()
        return self.segmentation.AddEmptySegment("", name)

    def paint(self, segment_id: str, mask: np.ndarray, erase: bool = False) -> None:
        """A stroke over voxels (k, j, i) of the volume."""
        node, effect = self.case.selection.segmentationNode, self.editor.effect
        labelmap = labelmap_of(BoxedMask(mask, VoxelBox.whole(SHAPE[::-1])), self.case.selection.volumeNode, node)
        self.editor.node.SetSelectedSegmentID(segment_id)
        effect.saveStateForUndo()
        mode = effect.ModificationModeRemove if erase else effect.ModificationModeAdd
        effect.modifySelectedSegmentByLabelmap(labelmap, mode)

    def unite(self, segment_id: str, other_id: str) -> None:
        """As Logical operators do: one segment becomes both together."""
        self.paint(segment_id, mask_of(self.case, other_id))

    @property
    def segmentation(self) -> Any:
        return self.case.selection.segmentationNode.GetSegmentation()


def mask_of(case: PanelCase, segment_id: str) -> np.ndarray:
    node = case.selection.segmentationNode
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, case.selection.volumeNode)
    return np.zeros(SHAPE, bool) if array is None else array.astype(bool)


def row(k: int, j: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[k, j] = True
    return mask


@pytest.fixture(scope="module", autouse=True)
def _effect() -> None:
    register_effect()


@pytest.fixture
def section(case: PanelCase) -> Any:
    case.selection.volumeNode = add_ct()
    return case.section("Interactive")


@pytest.fixture
def somebody(case: PanelCase, section: Any) -> Iterator[Somebody]:
    made = Somebody(case)
    yield made
    made.editor.close()


def segment(case: PanelCase, ids: str) -> None:
    case.selection.parameters.classIds = ids
    case.section("Automatic").ui.segmentButton.click()
    case.settle()


def test_undo_in_the_panel_leaves_what_was_done_in_the_editor_since(case, section, somebody):
    segment(case, "3 5")
    spleen, kidney = case.segments["spleen"], case.segments["right kidney"]
    case.selection.segmentId = spleen
    section.ui.positiveButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    somebody.open()
    somebody.paint(kidney, row(1, 2))
    union = somebody.add("union")
    somebody.unite(union, spleen)
    section.ui.undoButton.click()
    case.settle()
    assert np.array_equal(mask_of(case, spleen), ct_array() == SPLEEN)
    assert np.array_equal(mask_of(case, kidney), (ct_array() == RIGHT_KIDNEY) | row(1, 2))
    assert np.array_equal(mask_of(case, union), np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)))
    section.ui.undoButton.click()  # the automatic result, of which the kidney was painted since
    case.settle()
    assert list(case.segments) == ["right kidney", "union"]
    assert "right kidney: changed by other means since" in case.workspace.messages.latest.text
    section.ui.redoButton.click()
    case.settle()
    assert np.array_equal(case.mask("spleen"), ct_array() == SPLEEN)


def test_undo_in_the_editor_takes_back_a_click_or_a_stroke_but_not_both(case, section, somebody):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    somebody.open()
    other = somebody.add("other")
    somebody.paint(other, row(1, 2))
    case.click(MIDDLES[LEFT_KIDNEY])
    somebody.paint(other, row(1, 3))
    somebody.editor.undo()
    assert np.array_equal(mask_of(case, other), row(1, 2))
    assert case.mask("object 1").sum() == np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)).sum()
    somebody.editor.undo()
    case.settle()
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN) and len(prompt_rows(section)) == 1
    assert np.array_equal(mask_of(case, other), row(1, 2))
    somebody.editor.redo()
    case.settle()
    assert len(prompt_rows(section)) == 2


def test_undo_says_that_its_segment_was_painted_since_and_keeps_the_paint(case, section, somebody):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    somebody.open()
    somebody.paint(case.segments["object 1"], row(1, 2))
    section.ui.undoButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), (ct_array() == SPLEEN) | row(1, 2))
    assert "object 1: changed by other means since" in case.workspace.messages.latest.text


def test_a_rerun_keeps_the_chosen_segment_and_a_click_in_between_waits_for_it(case, section, models):
    segment(case, "3")
    case.selection.segmentId = spleen = case.segments["spleen"]
    models["demo"].seconds_a_window = 0.02
    section.ui.positiveButton.click()
    case.section("Automatic").ui.segmentButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    assert case.segments == {"spleen": spleen} and section.ui.segmentCombo.currentText == "spleen"
    assert np.array_equal(case.mask("spleen"), np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)))
    assert len(prompt_rows(section)) == 1
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    assert case.segments == {"spleen": spleen} and np.array_equal(case.mask("spleen"), ct_array() == SPLEEN)


def test_surfaces_are_refused_with_the_way_out_after_an_earlier_click(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    node = case.selection.segmentationNode
    node.CreateClosedSurfaceRepresentation()
    node.GetSegmentation().SetSourceRepresentationName("Closed surface")
    node.GetSegmentation().RemoveRepresentation("Binary labelmap")
    case.settle()
    case.click(MIDDLES[LEFT_KIDNEY])
    assert "convert it, or choose a new segmentation" in case.workspace.messages.latest.text
    section.ui.undoButton.click()
    assert "convert it" in case.workspace.messages.latest.text


@pytest.mark.parametrize("seed", range(STORIES))
def test_any_story_of_both_keeps_the_work_of_the_editor(case, section, somebody, seed):
    """What is painted, added and united stays, however often the panel's steps are undone and redone."""
    choice = random.Random(seed)
    segment(case, "3 5")
    somebody.open()
    owned: dict[str, np.ndarray] = {}
    strokes = iter(np.random.default_rng(seed).permutation([(k, j) for k in (0, 1, 18, 19) for j in range(SHAPE[1])]))

    def click() -> None:
        button = section.ui.positiveButton if choice.random() < 0.7 else section.ui.negativeButton
        if not button.checked:
            button.click()
        case.click(MIDDLES[choice.choice((SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY))])

    def paint() -> None:
        target = choice.choice(list(case.segments.values()))
        mask = row(*next(strokes))
        somebody.paint(target, mask)
        owned[target] = owned.get(target, np.zeros(SHAPE, bool)) | mask

    def add() -> None:
        new = somebody.add(f"new {len(owned)}")
        somebody.unite(new, choice.choice(list(case.segments.values())))
        owned[new] = mask_of(case, new)

    def choose() -> None:
        case.selection.segmentId = choice.choice(["", *case.segments.values()])

    def remove() -> None:
        if section._prompting.answered:
            section._prompting.remove(0)

    for _ in range(STEPS):
        acts = [click, click, paint, add, choose, remove, section.ui.undoButton.click, section.ui.redoButton.click]
        acts += [lambda: segment(case, "3 5 14")]
        count = len(prompt_rows(section))
        act = choice.choice(acts if case.segments else [click])
        act()
        case.settle()
        if act == section.ui.undoButton.click:
            assert len(prompt_rows(section)) >= count - 1
        if act in (section.ui.undoButton.click, section.ui.redoButton.click, paint, add):
            for segment_id, mask in owned.items():
                assert segment_id in case.segments.values()
                assert (mask_of(case, segment_id) >= mask).all()
    assert not [message for message in case.workspace.messages.all if message.details]
