"""An export as a whole: stopped anywhere, it leaves nothing."""

from __future__ import annotations

import errno
import itertools
import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import write_series

from vistaseg.dicom import Delivery, deliver
from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume


@pytest.fixture
def small() -> Volume:
    values = np.random.default_rng(0).integers(-1000, 2000, (3, 4, 5)).astype(np.int16)
    return Volume.from_array(values, np.diag([-1.0, -1.0, 2.0, 1.0]), axes="kji", name="CT", modality="CT")


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def segments(volume: Volume, threshold: int = 0) -> Segmentation:
    mask = BoxedMask.of(volume.array > threshold)
    return Segmentation(volume.shape_ijk, volume.ijk_to_ras, [Segment("part", 1, None, (1, 2, 3), None, mask)])


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_everything_that_was_written_is_named(small, folder):
    delivered = deliver(Delivery(small, (), folder, "a-", report=True), lambda _: segments(small))
    assert sorted([*delivered.dicom.values(), delivered.csv]) == files_below(folder)
    assert len(delivered.instance_uids) == 3 and set(delivered.instance_uids) <= set(delivered.dicom)
    assert delivered.segments == 1


@pytest.mark.parametrize("derive", [True, False])
def test_stopped_at_any_report_of_progress_it_leaves_nothing(small, folder, tmp_path, derive):
    files = () if derive else tuple(write_series(tmp_path / "series", small))
    delivery = Delivery(small, files, folder, report=True)
    for last in itertools.count():
        calls = itertools.count()

        def stop(*_, last=last, calls=calls):
            if next(calls) == last:
                raise CancelledError("stopped")

        try:
            deliver(delivery, lambda progress: segments(small), stop)
        except CancelledError:
            assert list(folder.iterdir()) == []
        else:
            break
    assert last >= 5 and len(files_below(folder)) == (6 if derive else 3)


def test_without_a_voxel_nothing_is_written(small, folder):
    with pytest.raises(InputError, match="No segment"):
        deliver(Delivery(small, (), folder), lambda _: segments(small, 5000))
    assert list(folder.iterdir()) == []


def test_two_exports_of_one_name_do_not_mix(small, folder):
    first = deliver(Delivery(small, (), folder), lambda _: segments(small))
    content = {path: path.read_bytes() for path in files_below(folder)}
    with pytest.raises(UsageError, match="already has"):
        deliver(Delivery(small, (), folder), lambda _: segments(small, 500))
    assert {path: path.read_bytes() for path in files_below(folder)} == content and first.dicom


def test_a_folder_is_checked_before_images_are_read(small, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        deliver(Delivery(small, (tmp_path / "no image",), tmp_path / "gone"), lambda _: segments(small))


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "room"), (errno.ENAMETOOLONG, "too long")])
@pytest.mark.parametrize("last", range(3))
def test_a_disk_that_refuses_an_image_of_the_series_is_said_and_nothing_is_left(
    small, folder, monkeypatch, number, words, last
):
    genuine, calls = pydicom.Dataset.save_as, itertools.count()

    def refuse(image, *arguments, **options):
        if next(calls) == last:
            raise OSError(number, os.strerror(number))
        return genuine(image, *arguments, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", refuse)
    with pytest.raises(UsageError, match=words) as told:
        deliver(Delivery(small, (), folder), lambda _: segments(small))
    assert str(folder) in str(told.value) and list(folder.iterdir()) == []
