"""Which stack of those in a folder is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard

from vistaseg.errors import InputError
from vistaseg.volume.dicom.files import is_dicom
from vistaseg.volume.dicom.folders import walk
from vistaseg.volume.dicom.headers import ImageFiles, implausible_error, read_images
from vistaseg.volume.dicom.stacks import Stack, is_stray, stacks_of

_NAMED_AT_MOST = 3

Paths = Path | Sequence[Path]


def find_stacks(paths: Paths) -> tuple[list[Stack], ImageFiles]:
    """All stacks in a folder or a list of files; of a single file those of its series.

    Those of scans come first, so that their numbers stay when results are written beside them.

    Raises:
        InputError: no image was found.
    """
    found = _series_around(paths) if _is_file(paths) else read_images(walk(paths))
    return sorted(stacks_of(found.headers), key=lambda stack: not stack.first.is_scan), found


def choose_stack(paths: Paths, wanted: str | None = None) -> Stack:
    """One stack of a folder or a list of files, and what was left out, in its notes.

    Args:
        wanted: SeriesInstanceUID, the beginning of one, or the number of the stack in `find_stacks`, from 1. By default
            the stack of the file that was given, else the largest one of a CT, else of another scan.

    Raises:
        InputError: no image was found, or no series matches `wanted`.
    """
    stacks, found = find_stacks(paths)
    if wanted is not None:
        chosen, notes = _wanted(stacks, wanted.strip())
    elif _is_file(paths):
        chosen, notes = _stack_with(stacks, paths), ()
    else:
        chosen, notes = largest_stack(stacks)
    return replace(chosen, notes=(*notes, *_beside(chosen, stacks), *found.notes, *chosen.notes))


def _is_file(paths: Paths) -> TypeGuard[Path]:
    return isinstance(paths, Path) and not paths.is_dir()


def _series_around(path: Path) -> ImageFiles:
    """The images of the series that a file belongs to.

    The others of a linked slice lie beside the link or beside what it points to: where more are found.
    """
    if not is_dicom(path):
        raise InputError("This is not a DICOM file. Give a slice of the scan, or the folder of the series.")
    places = (path, path.resolve()) if path.is_symlink() else (path,)
    return max((_series_of(place) for place in places), key=lambda found: len(found.headers))


def _series_of(path: Path) -> ImageFiles:
    found = read_images(walk(path.parent, deep=False))
    if any(path.resolve() == file.resolve() for file in found.damaged):
        raise InputError("This DICOM file is damaged: its header breaks off. Copy or export it again.")
    for file, reason in found.implausible:
        if path.resolve() == file.resolve():
            raise implausible_error(file, reason)
    own = [header for header in found.headers if Path(str(header.filename)).resolve() == path.resolve()]
    if not own:
        raise InputError("This DICOM file holds no image. Give a slice of the scan, or the folder of the series.")
    uid = own[0].get("SeriesInstanceUID", "")
    return replace(found, others=(), headers=tuple(h for h in found.headers if h.get("SeriesInstanceUID", "") == uid))


def _stack_with(stacks: Sequence[Stack], path: Path) -> Stack:
    of_file = [s for s in stacks if any(file.resolve() == path.resolve() for file in s.files)]
    return (of_file or list(stacks))[0]  # a copy that was left out stands for its series


def _wanted(stacks: Sequence[Stack], wanted: str) -> tuple[Stack, tuple[str, ...]]:
    if wanted.isdecimal() and 1 <= int(wanted) <= len(stacks):
        return stacks[int(wanted) - 1], ()
    meant = [stack for stack in stacks if stack.uid == wanted] or [
        stack for stack in stacks if wanted and stack.uid.startswith(wanted)
    ]
    if len({stack.uid for stack in meant}) == 1:
        return max(meant, key=lambda stack: len(stack.slices)), ()
    listing = "; ".join(f"{number}: {stack.uid or 'no UID'}" for number, stack in enumerate(stacks, start=1))
    what = "stands for several series" if meant else "matches no series here"
    raise InputError(f"{wanted!r} {what}. Give a number or the beginning of a UID of these: {listing}.")


def largest_stack(stacks: Sequence[Stack]) -> tuple[Stack, tuple[str, ...]]:
    """The largest one of a CT, else of another scan, and a sentence about the other series, if any.

    Scout views, renderings, dose pages and segmentations do not count, even if they have more images. A series that
    VistaSeg made from a scan is taken only if the folder holds nothing else.
    """
    found = [stack for stack in stacks if stack.first.is_scan and not stack.first.is_own] or list(stacks)
    whole = [stack for stack in found if stack.may_be_scan] or found
    scans = [stack for stack in whole if stack.first.modality == "CT" and not is_stray(stack, whole)] or whole
    chosen = max(scans, key=lambda stack: len(stack.slices))
    count = len({(stack.uid, stack.files[0].parent if not stack.uid else "") for stack in found})
    if count == 1:
        return chosen, ()
    rivals = [stack for stack in scans if stack.uid != chosen.uid or not stack.uid]
    equals = 1 + sum(len(stack.slices) == len(chosen.slices) for stack in rivals if stack is not chosen)
    rank = "the largest one" if equals == 1 else f"the first of {equals} equally large ones"
    taken = f"{rank} ({chosen.description}, {len(chosen.slices)} images)"
    return chosen, (f"The folder holds {count} series; {taken} was taken.",)


def _beside(chosen: Stack, stacks: Sequence[Stack]) -> tuple[str, ...]:
    """A sentence about the other stacks of its series; localizers go without saying."""
    others = [stack for stack in stacks if stack.uid == chosen.uid and stack is not chosen and stack.part]
    left_out = [_described(stack) for stack in others if not stack.first.is_localizer]
    if not left_out or not chosen.part:
        return ()
    named = ", ".join(left_out[:_NAMED_AT_MOST]) + (", ..." if len(left_out) > _NAMED_AT_MOST else "")
    return (
        f"The series is mixed: of {1 + len(left_out)} parts {_described(chosen)} was taken, and left out: {named}.",
    )


def _described(stack: Stack) -> str:
    return f"{stack.part} ({'1 image' if len(stack.slices) == 1 else f'{len(stack.slices)} images'})"
