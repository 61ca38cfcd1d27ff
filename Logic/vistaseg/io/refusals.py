"""What a disk or a system refuses, in words that say what to do."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from vistaseg.errors import UsageError

ON_WINDOWS = os.name == "nt"
_LONGEST_WINDOWS_PATH = 259
_LONGEST_OWN_NAME = 70
_QUOTA = getattr(errno, "EDQUOT", errno.ENOSPC)
_FULL = {errno.ENOSPC, errno.EFBIG, _QUOTA}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_WINDOWS_INVALID_NAME, _WINDOWS_TOO_LONG = 123, 206

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_FORBIDDEN_LETTERS = re.compile(r'[<>:"|?*\x00-\x1f]')


def write_error(path: Path, error: OSError) -> UsageError:
    """The error to raise when writing `path` failed: what happened and what to do."""
    if error.errno in _FULL:
        room = "The quota leaves no room" if error.errno == _QUOTA != errno.ENOSPC else "No room is left"
        return UsageError(f"{room} to write {path}: free some space or choose another folder.")
    if _is_too_long(path, error):
        return UsageError(f"{path} cannot be written: its name or path is too long. Give a shorter one.")
    if error.errno == errno.EROFS:
        return UsageError(f"{path} cannot be written: no permission, the disk is read-only. Choose another folder.")
    if error.errno == errno.EINVAL or getattr(error, "winerror", None) == _WINDOWS_INVALID_NAME:
        return UsageError(f"{path} cannot be written: this disk does not take the name. Give another one.")
    if error.errno in _FORBIDDEN:
        return UsageError(f"{path} cannot be written: no permission. Choose a folder that you may write to.")
    return UsageError(f"{path} cannot be written ({error.strerror or error}). Choose another place.")


def _is_too_long(path: Path, error: OSError) -> bool:
    """Windows calls a path of more than 259 characters absent, where long paths are not enabled."""
    if error.errno == errno.ENAMETOOLONG or getattr(error, "winerror", None) == _WINDOWS_TOO_LONG:
        return True
    room = _LONGEST_WINDOWS_PATH - len(os.path.abspath(path))
    return ON_WINDOWS and error.errno == errno.ENOENT and room < _LONGEST_OWN_NAME


def require_name(path: Path) -> None:
    """Refuse, on Windows, names that it would silently give to another file, or to a device.

    Raises:
        UsageError: one of the names in the path is such a name.
    """
    if ON_WINDOWS:
        for part in path.parts[1:] if path.anchor else path.parts:
            if part not in (".", "..") and not is_windows_name(part):
                raise UsageError(f"{path} cannot be written: Windows does not take the name {part}. Give another one.")


def is_windows_name(name: str) -> bool:
    """Whether Windows takes a name of a file or folder as it is."""
    stem = name.partition(".")[0].rstrip(" ")
    return not (name.endswith((".", " ")) or _FORBIDDEN_LETTERS.search(name) or _DEVICES.fullmatch(stem))


def path_for_this_system(path: Path) -> Path:
    """A relative path, on Windows with other names instead of those that it does not take."""
    return Path(*map(_windows_name, path.parts)) if ON_WINDOWS else path


def _windows_name(name: str) -> str:
    if name in (".", "..") or is_windows_name(name):
        return name
    plain = _FORBIDDEN_LETTERS.sub("_", name)
    kept = plain.rstrip(". ")
    plain = kept + "_" * (len(plain) - len(kept))
    stem, dot, rest = plain.partition(".")
    return f"{stem.rstrip(' ')}_{dot}{rest}" if _DEVICES.fullmatch(stem.rstrip(" ")) else plain


def require_replaceable(path: Path) -> None:
    """Refuse to replace a file that its owner has protected, or that has the same name but for its case.

    Raises:
        UsageError: it is such a file, a folder, a device or a pipe.
        OSError: the disk refuses to tell.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path} is a folder: give another name.")
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{path} is a device or a pipe, which a file would replace: give another name.")
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path} is write-protected: lift the protection, or give another name.")
    twin = _name_on_disk(path)
    if twin != path.name:
        raise UsageError(
            f"{twin} is there already, and this disk does not tell it from {path.name}: give a name that differs in "
            "more than its case."
        )


def _name_on_disk(path: Path) -> str:
    """The name of an existing file as its folder has it."""
    other_case = path.with_name(path.name.swapcase())
    if not other_case.exists() or not other_case.samefile(path):
        return path.name
    names = os.listdir(path.parent)
    alike = (name for name in names if name.casefold() == path.name.casefold())
    return path.name if path.name in names else next(alike, path.name)
