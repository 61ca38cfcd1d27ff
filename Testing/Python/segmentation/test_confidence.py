"""What a model says of a mask goes with the mask, into files and out of them, and not with another mask."""

from __future__ import annotations

import numpy as np
import pytest

from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation, write_segmentation
from vistaseg.segmentation.confidence import LOW_CONFIDENCE, confidence_of, with_confidence, without_confidence
from vistaseg.segmentation.plausibility import doubts

MADE = {"algorithm_type": "AUTOMATIC", "model": "vista3d"}


@pytest.fixture
def segmentation() -> Segmentation:
    mask = np.zeros((6, 7, 8), bool)
    mask[2:4, 2:5, 3:6] = True
    segment = Segment("spleen", 3, 3, (1, 2, 3), None, BoxedMask.of(mask), with_confidence(MADE, 0.48765, 18))
    return Segmentation((8, 7, 6), np.diag([-1.0, -1.0, 2.0, 1.0]), [segment])


@pytest.mark.parametrize("name", ["out.seg.nrrd", "out.nii.gz", "masks"])
def test_it_survives_a_file_and_goes_when_the_mask_does(segmentation, tmp_path, name):
    write_segmentation(segmentation, tmp_path / name)
    (back,) = read_segmentation(tmp_path / name).segments
    assert back.confidence == segmentation.segments[0].confidence == pytest.approx(0.48765, abs=1e-4)
    back.mask.array[0, 0, 0] = False
    assert back.confidence is None


def test_nothing_is_made_up_for_a_model_that_says_nothing():
    assert with_confidence(MADE, None, 18) == MADE
    assert confidence_of(MADE, 18) is None


def test_what_was_said_of_an_earlier_mask_is_replaced_or_dropped():
    first = with_confidence(MADE, 0.9, 18)
    assert confidence_of(with_confidence(first, 0.4, 20), 20) == 0.4
    assert with_confidence(first, None, 20) == without_confidence(first) == MADE
    assert confidence_of(first, 18) == 0.9


@pytest.mark.parametrize(
    "noted", [0.9, None, [], {}, {"value": 0.9}, {"voxels": 18}, {"value": "0.9", "voxels": 18},
              {"value": 7, "voxels": 18}, {"value": float("nan"), "voxels": 18}, {"value": True, "voxels": 18}],
)  # fmt: skip
def test_damage_is_as_good_as_nothing(noted):
    assert confidence_of({**MADE, "confidence": noted}, 18) is None


def test_only_what_is_low_is_worth_a_look():
    low = LOW_CONFIDENCE - 0.01
    assert doubts(None) == doubts(LOW_CONFIDENCE) == doubts(1.0) == ()
    (finding,) = doubts(low)
    assert (finding.kind, finding.numbers) == ("confidence", (low,))
