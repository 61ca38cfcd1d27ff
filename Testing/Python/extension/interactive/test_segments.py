"""The segment and the volume that prompts belong to."""

from __future__ import annotations

import numpy as np
import slicer
from panel_case import LEFT_KIDNEY, MIDDLES, RIGHT_KIDNEY, SPLEEN, add_ct, ct_array, markers, prompt_rows


def test_next_object_goes_on_with_a_new_segment(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.nextButton.click()
    assert section.ui.segmentCombo.currentText == "New segment" and prompt_rows(section) == []
    assert section.ui.positiveButton.checked
    case.click(MIDDLES[LEFT_KIDNEY])
    assert list(case.segments) == ["object 1", "object 2"]
    assert section.ui.segmentCombo.currentText == "object 2"
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN)
    section.ui.segmentCombo.setCurrentIndex(1)
    assert len(prompt_rows(section)) == 1 and "1" in markers()[0]


def test_a_segment_that_somebody_painted_can_be_corrected(case, section):
    node = case.selection.requireSegmentationNode()
    segment_id = node.GetSegmentation().AddEmptySegment("", "painted")
    painted = np.zeros(ct_array().shape, np.uint8)
    painted[9:13, 5:12, 4:12] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, segment_id, case.volume)
    case.settle()
    section.ui.segmentCombo.setCurrentIndex(1)
    section.ui.negativeButton.click()
    case.click(MIDDLES[RIGHT_KIDNEY])
    mask = case.mask("painted")
    assert mask.any() and not (mask & (ct_array() == RIGHT_KIDNEY)).any()
    assert (mask <= painted.astype(bool)).all()


def test_renaming_and_deleting_the_segment_is_followed(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    segmentation = case.selection.segmentationNode.GetSegmentation()
    segmentation.GetSegment(case.segments["object 1"]).SetName("milt")
    case.settle()
    assert section.ui.segmentCombo.currentText == "milt"
    segmentation.RemoveSegment(case.segments["milt"])
    case.settle()
    assert section.ui.segmentCombo.currentText == "New segment" and prompt_rows(section) == []
    assert markers() == ({}, 0)
    case.click(MIDDLES[LEFT_KIDNEY])
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY)


def test_another_volume_has_its_own_prompts(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.selection.volumeNode = add_ct("second")
    case.settle()
    case.selection.volumeNode = case.volume
    case.settle()
    assert len(prompt_rows(section)) == 1
