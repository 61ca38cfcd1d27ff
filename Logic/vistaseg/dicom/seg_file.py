"""How a DICOM segmentation of any origin describes its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from vistaseg.errors import InputError
from vistaseg.volume.dicom.files import damage, open_dicom
from vistaseg.volume.dicom.values import read_numbers

SEGMENTATION_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.66.4": "Segmentation Storage",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
}


def load_seg(path: Path) -> Dataset:
    """Read the dataset of a DICOM segmentation.

    Raises:
        InputError: missing, a folder, damaged, or another kind of DICOM; says which.
    """
    from pydicom.errors import InvalidDicomError

    if path.is_dir():
        raise InputError(f"{path.name} is a folder. Give a DICOM segmentation, a single file.")
    # A pipe or a device may never end.
    if path.exists() and not path.is_file():
        raise InputError(f"{path.name} is a device or a pipe. Give a DICOM segmentation, a file.")
    try:
        dataset: Dataset = open_dicom(path)
        kind = str(dataset.get("SOPClassUID", ""))
    except InvalidDicomError as error:
        raise InputError(f"{path.name} is not a DICOM file. Give a DICOM segmentation.") from error
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist. Check the path.") from error
    except damage() as error:
        raise InputError(f"{path.name} is damaged, or cannot be read. Export it again.") from error
    if kind not in SEGMENTATION_CLASSES:
        modality = dataset.get("Modality", "unknown")
        raise InputError(f"{path.name} is not a DICOM segmentation: its modality is {modality}. Give a SEG file.")
    return dataset


def whole_number(dataset: Dataset, keyword: str) -> int:
    """A number that a segmentation must have.

    Raises:
        InputError: it is missing, or no whole number above zero; names the attribute.
    """
    stated = read_numbers(dataset, keyword)
    if stated.numbers is None or stated.numbers[0] < 1 or not float(stated.numbers[0]).is_integer():
        raise InputError(f"The segmentation has no usable {stated.unusable().named}. Export it again.")
    return int(stated.numbers[0])


def frame_count(dataset: Dataset) -> int:
    """NumberOfFrames, 1 where it is absent.

    Raises:
        InputError: it cannot be read.
    """
    is_stated = not read_numbers(dataset, "NumberOfFrames").is_absent
    return whole_number(dataset, "NumberOfFrames") if is_stated else 1


class FrameSource:
    """The frames of a segmentation, each decoded on access.

    Args:
        dataset: with its Pixel Data.

    Raises:
        InputError: there are fewer or more voxels than the frames take, or they cannot be decoded.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.count = frame_count(dataset)
        self.shape = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
        self._bits = whole_number(dataset, "BitsAllocated")
        self._decoded: npt.NDArray[Any] | None = None
        if dataset.file_meta.TransferSyntaxUID.is_compressed and not self._is_deflated(dataset):
            self._decoded = _decoded(dataset).reshape(self.count, *self.shape)
        self._bytes = b"" if self._decoded is not None else dataset.PixelData
        if self._decoded is None:
            self._check_length()

    def _check_length(self) -> None:
        needed = -(-self.count * self.shape[0] * self.shape[1] * self._bits // 8)
        if len(self._bytes) < needed:
            raise InputError("The segmentation is cut off: it has fewer voxels than frames. Export it again.")
        if len(self._bytes) > needed + needed % 2:  # DICOM pads to an even length
            raise InputError(
                f"The segmentation has {len(self._bytes)} bytes of voxels, and frames of {self.shape[0]} rows and "
                f"{self.shape[1]} columns take {needed}: one of them is wrong. Export it again."
            )

    @staticmethod
    def _is_deflated(dataset: Dataset) -> bool:
        return bool(dataset.file_meta.TransferSyntaxUID.is_deflated)

    def __getitem__(self, number: int) -> npt.NDArray[Any]:
        """Frame `number`, from 0, as stored: (j, i)."""
        if self._decoded is not None:
            frame: npt.NDArray[Any] = self._decoded[number]
            return frame
        size = self.shape[0] * self.shape[1]
        if self._bits == 1:
            first = number * size
            packed = np.frombuffer(self._bytes, np.uint8)[first // 8 : -(-(first + size) // 8)]
            return np.unpackbits(packed, bitorder="little")[first % 8 :][:size].reshape(self.shape)
        kind = np.dtype("u1" if self._bits == 8 else "<u2")
        return np.frombuffer(self._bytes, kind, size, number * size * kind.itemsize).reshape(self.shape)


def _decoded(dataset: Dataset) -> npt.NDArray[Any]:
    try:
        return np.asarray(dataset.pixel_array)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        name = dataset.file_meta.TransferSyntaxUID.name
        raise InputError(
            f"The frames cannot be decoded: they are compressed as {name}, which is damaged or not supported. Export "
            "the segmentation again, uncompressed."
        ) from error


def shared_groups(dataset: Dataset) -> Dataset:
    """The functional groups that all frames share; blank where there are none."""
    items = dataset.get("SharedFunctionalGroupsSequence")
    shared: Dataset = items[0] if items else Dataset()
    return shared


def frame_groups(dataset: Dataset) -> list[Dataset]:
    """The functional groups of each frame."""
    return [item for item in dataset.get("PerFrameFunctionalGroupsSequence") or () if isinstance(item, Dataset)]


def group_values(dataset: Dataset, sequence: str, keyword: str) -> list[Any]:
    """An attribute of the functional group `sequence`: one value that all frames share, or one for each frame.

    None stands for a frame that has none. What is shared may not be in the frames, too (PS3.3 C.7.6.16.1.1), so they
    are not read then: there may be thousands.
    """
    value = _value(shared_groups(dataset), sequence, keyword)
    if value is not None:
        return [value]
    return [_value(group, sequence, keyword) for group in frame_groups(dataset)]


def _value(group: Dataset, sequence: str, keyword: str) -> Any:
    items = group[sequence].value if sequence in group else ()
    return items[0][keyword].value if items and keyword in items[0] else None
