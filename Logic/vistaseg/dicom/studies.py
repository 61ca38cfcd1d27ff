"""The studies in a folder, and the scan of each."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.dicom.choosing import largest_stack
from vistaseg.volume.dicom.files import should_be_dicom
from vistaseg.volume.dicom.folders import FoundFiles, recognise, walk
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
        problem: why no series was found, or None.
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
    such as segmentations, does not count as a study.

    Args:
        apart_from: folders to leave out.

    Raises:
        OSError: the folder cannot be read.
    """
    os.scandir(root).close()  # which says why, where the folder cannot be read
    beside = walk(root, deep=False)
    recognised, unreachable = recognise(beside)
    own = tuple(path for path, known in recognised.items() if known)
    if own:
        yield from _studies(root, root, FoundFiles(own, unreachable))
    else:
        for path in unreachable:
            yield from _studies(root, path, FoundFiles((), (path,)))
    spared = {os.path.realpath(folder) for folder in (root, *Path(os.path.realpath(root)).parents, *apart_from)}
    for folder in beside.folders:
        if os.path.realpath(folder) in spared:
            continue
        found = walk(folder, apart_from)
        if not folder.name.startswith(".") or _may_hold_images(found):
            yield from _studies(root, folder, found)


def _may_hold_images(found: FoundFiles) -> bool:
    """Programs keep hidden folders of their own beside studies; only what may be a scan is worth a word."""
    recognised, unreachable = recognise(found)
    return bool(unreachable) or any(known or should_be_dicom(path) for path, known in recognised.items())


def _studies(root: Path, folder: Path, files: FoundFiles) -> Iterator[Study]:
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
    # Those that were left out too, so that reading the study names them.
    left_out = (*found.damaged, *found.others, *found.unreachable, *(path for path, _ in found.implausible))
    files = dict.fromkeys([*(file for stack in stacks for file in stack.files), *left_out])
    return Study(folder, tuple(files), chosen.uid, len(chosen.slices))
