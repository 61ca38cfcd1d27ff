"""Where the results of a command go: nothing that is read may be replaced, and all of them appear or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistaseg import catalog
from vistaseg.errors import CancelledError, UsageError
from vistaseg.io import check_file_place, commits, locked, made_folder


def spare_scan(scan: Path, output: str) -> None:
    """The scan must be neither the output nor a file that writing into an output folder would replace.

    Raises:
        UsageError: it is.
    """
    from vistaseg.segmentation.label_files import files_at_stake

    place = Path(output)
    if not os.path.exists(scan) or not os.path.exists(place):
        return
    if scan.samefile(place):
        raise UsageError(f"{place} is the scan itself: give the result another name.")
    files = files_at_stake(place, [s.name for s in catalog.structures()]) if place.is_dir() else ()
    if any(scan.samefile(place / file) for file in files if (place / file).exists()):
        raise UsageError(f"The scan {scan} has the name of a mask in {place}: choose another folder.")


def require_room_for_corrections(output: str, segments: int) -> None:
    """Say before the work, not after it, that prompted segments may come to overlap.

    Raises:
        UsageError: several were to go into a label map, which has one label a voxel.
    """
    if segments > 1 and output.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            "A label map cannot hold segments that come to overlap, as prompted ones may. Write a .seg.nrrd file, or "
            "a folder with one NIfTI file per structure."
        )


def check_session_place(path: Path, output: str, *others: Path) -> None:
    """A saved session must have a place of its own, and replace nothing but another saved session.

    Raises:
        UsageError: it has not, or would.
    """
    from vistaseg.cli.session_files import is_session

    check_beside(path, Path(output), *others)
    place = Path(output)
    table = place.with_name(place.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    if path.resolve() == table.resolve() or place.resolve() in path.resolve().parents:
        raise UsageError(f"{path} belongs to the result in {output}: save the session somewhere else.")
    if os.path.lexists(path) and not is_session(path):
        raise UsageError(f"{path} would be overwritten, and is not a saved session: give it another name.")


def check_beside(path: Path, *others: Path) -> None:
    """A further file of the results must have a place, and be none of the others.

    Raises:
        UsageError: it has not, or is.
    """
    check_file_place(path)
    if any(path.resolve() == other.resolve() for other in others):
        raise UsageError(f"{path} is used for something else already: give it another name.")


@contextmanager
def kept_to_this_run(output: str) -> Iterator[None]:
    """Keep other runs out of a folder for results, which is made if it is not there; a file needs no such thing.

    Raises:
        UsageError: another run writes there, or the folder cannot be made.
    """
    from vistaseg.cli.results import is_dicom_output
    from vistaseg.segmentation.files import is_folder_output

    if is_dicom_output(output) or not is_folder_output(output):
        yield
        return
    folder = Path(output)
    with made_folder(folder), locked(folder):
        yield


@contextmanager
def interruption_told() -> Iterator[None]:
    """An interruption says whether the results of the block were written.

    Raises:
        CancelledError: instead of KeyboardInterrupt.
    """
    before = commits()
    try:
        yield
    except KeyboardInterrupt as error:
        what = "Interrupted: nothing was written." if commits() == before else "Interrupted after all was written."
        raise CancelledError(what) from error
