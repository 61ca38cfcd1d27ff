"""What is this? SegVol's probabilities, and the classes that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import prompted_network
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompted_network import body, prompted_model

from vistaseg.errors import InputError, UsageError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, MaskChange
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.models.segvol import encoding
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.session.identifying import class_overlaps
from vistaseg.volume import Volume

LIVER, SPLEEN, TUMOR = 1, 3, 26
ORGAN = np.s_[4:12, 6:20, 8:24]


class Classes:
    """Knows a liver and a larger tumor where the organ is, and a spleen beside; a click on anything is the organ."""

    notice = ""
    computed_on = {"device": "cpu", "precision": "fp32"}
    identity = ModelIdentity("classes", "Classes", "ab" * 32)
    class_ids = (LIVER, SPLEEN, TUMOR)
    takes = frozenset((Point, RegionOfInterest))

    def __init__(self, windows: int, finds: bool = True) -> None:
        self.left, self.finds = windows, finds

    def open(self, volume: Volume) -> Any:
        self.shape = volume.array.shape
        return self

    def windows(self, region: RegionOfInterest | None = None) -> int:
        return self.left

    def segment_classes(self, class_ids: Sequence[int], *_: Any, **__: Any) -> ClassMasks:
        labels, tumor = np.zeros(self.shape, np.uint8), np.zeros(self.shape, np.uint8)
        labels[ORGAN], labels[:3], tumor[3:] = LIVER, SPLEEN, 1
        return ClassMasks(labels, {TUMOR: tumor})

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        mask = np.zeros(self.shape, bool)
        mask[ORGAN] = self.finds
        return PromptAnswer(MaskChange(BoxedMask.of(mask), NO_VOXELS), {}, "")


@pytest.fixture(autouse=True)
def _vocabulary() -> Iterator[None]:
    with patch.object(encoding, "token_ids", prompted_network.level_ids):
        yield


@pytest.fixture
def volume() -> Volume:
    found = body()
    array = found.array.copy()
    array[ORGAN] = 600
    return Volume.from_array(array, found.ijk_to_ras, axes="kji")


def mask_of(volume: Volume) -> np.ndarray:
    mask = np.zeros(volume.array.shape, bool)
    mask[ORGAN] = True
    return mask


@pytest.mark.parametrize("what", ["mask", Point((15.0, 13.0, 8.0)), RegionOfInterest((9, 7, 5), (22, 18, 10))])
def test_each_model_ranks_names_in_its_own_measure(volume: Volume, what: Any) -> None:
    session = Session(volume, Classes(windows=0), prompted_model())
    found = session.identify(mask_of(volume) if what == "mask" else what)
    classes = [one for one in found if one.model == "classes"]
    assert [(one.name, one.measure) for one in classes] == [("liver", "overlap"), ("hepatic tumor", "overlap")]
    assert classes[0].value == 1 > classes[1].value > 0
    read = [one for one in found if one.model == "segvol"]
    assert read[0].name == "liver" and read[0].measure == "probability"
    assert sum(one.value for one in read) == pytest.approx(1, abs=1e-4)


def test_a_scan_is_encoded_for_it_only_where_that_is_wanted(volume: Volume) -> None:
    session = Session(volume, Classes(windows=3), prompted_model())
    assert {one.model for one in session.identify(mask_of(volume))} == {"segvol"}
    assert {one.model for one in session.identify(mask_of(volume), encode=True)} == {"classes", "segvol"}
    with pytest.raises(UsageError, match="segment automatically first"):
        Session(volume, Classes(windows=3)).identify(mask_of(volume))


def test_nothing_is_changed(volume: Volume) -> None:
    session = Session(volume, Classes(windows=0))
    session.identify(Point((15.0, 13.0, 8.0)))
    assert session.segments == () and not session.segmentation().segments


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        (Text("liver"), UsageError, "a name already"),
        (Point((15.0, 13.0, 8.0), positive=False), UsageError, "give a positive one"),
        (np.ones((2, 2, 2), bool), UsageError, "The mask has"),
        (Point((15.0, 13.0, 8.0)), InputError, "nothing to name"),
    ],
)
def test_what_cannot_be_named_is_refused(
    volume: Volume, what: Prompt | np.ndarray, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Session(volume, Classes(windows=0, finds=False)).identify(what)


@given(st.integers(0, 2**32 - 1))
def test_the_overlap_is_dice(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, (3, 4, 5)).astype(np.uint8)
    within = generator.integers(0, 2, labels.shape).astype(np.uint8)
    mask = generator.random(labels.shape) < 0.5
    mask[0, 0, 0] = True
    known = {1: labels == 1, 2: labels == 2, 3: labels == 3, TUMOR: within == 1}
    expected = {i: 2 * (one & mask).sum() / (one.sum() + mask.sum()) for i, one in known.items() if (one & mask).any()}
    assert class_overlaps(ClassMasks(labels, {TUMOR: within}), mask) == pytest.approx(expected)
