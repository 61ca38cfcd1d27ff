"""Names for what was found: the one whose text finds the same comes first."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import prompted_network
import pytest
from prompted_network import body, prompted_model

from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.models.segvol import encoding
from vistaseg.models.segvol.identify import identify
from vistaseg.models.segvol.model import SegVolVolume
from vistaseg.progress import silent
from vistaseg.prompts import Point, RegionOfInterest
from vistaseg.volume import Volume

NAMES = ["spleen", "liver", "bone", *(f"structure {n}" for n in range(9))]
ORGAN = np.s_[4:12, 6:20, 8:24]


@pytest.fixture(autouse=True)
def _vocabulary() -> Iterator[None]:
    with patch.object(encoding, "token_ids", prompted_network.level_ids):
        yield


@pytest.fixture
def opened() -> SegVolVolume:
    volume = body()
    array = volume.array.copy()
    array[ORGAN] = 600
    return prompted_model().open(Volume.from_array(array, volume.ijk_to_ras, axes="kji"))


def masked() -> np.ndarray:
    mask = np.zeros((20, 40, 44), bool)
    mask[ORGAN] = True
    return mask


@pytest.mark.parametrize("what", [masked(), Point((15.0, 13.0, 8.0)), RegionOfInterest((9, 7, 5), (22, 18, 10))])
def test_the_name_whose_text_finds_it_comes_first(opened: SegVolVolume, what: object) -> None:
    ranked = identify(opened, what, NAMES, silent)
    assert ranked[0][0] == "liver"
    assert sum(probability for _, probability in ranked) == pytest.approx(1)
    assert sorted(name for name, _ in ranked) == sorted(NAMES)
    probabilities = [probability for _, probability in ranked]
    assert probabilities == sorted(probabilities, reverse=True) and probabilities[0] > 2 * probabilities[1]


def test_a_single_voxel_is_enough(opened: SegVolVolume) -> None:
    mask = np.zeros((20, 40, 44), bool)
    mask[8, 12, 15] = True
    assert identify(opened, mask, NAMES, silent)[0][0] == "liver"


def test_there_must_be_something_to_name_and_a_name(opened: SegVolVolume) -> None:
    with pytest.raises(InputError, match="nothing to name"):
        identify(opened, np.zeros((20, 40, 44), bool), NAMES, silent)
    with pytest.raises(UsageError, match="at least one"):
        identify(opened, masked(), [], silent)


def test_names_are_counted_and_can_be_cancelled(opened: SegVolVolume) -> None:
    reports: list[tuple[str, int, int]] = []
    identify(opened, masked(), NAMES, lambda *report: reports.append(report))
    assert reports == [("names", 0, 12), ("names", 8, 12), ("names", 12, 12)]

    def cancel(stage: str, done: int, total: int) -> None:
        raise CancelledError("stop")

    with pytest.raises(CancelledError):
        identify(opened, masked(), NAMES, cancel)
