"""The studies in a folder, and the scan of each."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.dicom.choosing import largest_stack
from vistaseg.volume.dicom.files import files_below, is_dicom
from vistaseg.volume.dicom.headers import ImageFiles, read_images
from vistaseg.volume.dicom.stacks import Stack, stacks_of


@dataclass(frozen=True)
class Study:
    """A study, and which of its series `read_series` reads from its files.

    Attributes:
        folder: where the series lies, relative to that of all studies.
        files: of all images of the study; none where there is a problem.
        series: SeriesInstanceUID of the series, "" where it is blank.
        images: of the series.
        problem: why there is no series, or None.
    """

    folder: Path
    files: tuple[Path, ...] = ()
    series: str = ""
    images: int = 0
    problem: str | None = None


def find_studies(root: Path, apart_from: Sequence[Path] = ()) -> Iterator[Study]:
    """The studies in the folders of a folder, and in its own files, one after the other.

    Images of different folders in `root` are of different studies, whatever their UIDs: copies of a study are often
    made by hand. In each folder a StudyInstanceUID makes a study; without one, a folder does. What holds only results,
    such as segmentations, is no study.

    Args:
        apart_from: folders to leave out.

    Raises:
        OSError: the folder cannot be read.
    """
    spared = {folder.resolve() for folder in apart_from}
    own = [path for path in sorted(root.iterdir()) if path.is_file() and is_dicom(path)]
    if own:
        yield from _studies(root, root, own)
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.resolve() not in spared):
        if not folder.name.startswith("."):
            yield from _studies(root, folder, files_below(folder))


def _studies(root: Path, folder: Path, files: Iterable[Path]) -> Iterator[Study]:
    try:
        found = read_images(files)
    except (InputError, OSError) as error:
        yield Study(folder.relative_to(root), problem=str(error))
        return
    for stacks in _by_study(stacks_of(found.headers)):
        if any(stack.first.is_scan for stack in stacks):
            yield _study(root, stacks, found)


def _by_study(stacks: Iterable[Stack]) -> list[list[Stack]]:
    groups: dict[str, list[Stack]] = defaultdict(list)
    for stack in stacks:
        groups[stack.first.text("StudyInstanceUID") or str(stack.files[0].parent)].append(stack)
    return list(groups.values())


def _study(root: Path, stacks: Sequence[Stack], found: ImageFiles) -> Study:
    chosen, _ = largest_stack(stacks)
    folder = Path(os.path.commonpath([file.parent for file in chosen.files])).relative_to(root)
    # Those that were left out too, so that they are told when it is read.
    left_out = [*found.damaged, *found.others, *(path for path, _ in found.implausible)]
    files = dict.fromkeys([*(file for stack in stacks for file in stack.files), *left_out])
    return Study(folder, tuple(files), chosen.uid, len(chosen.slices))
