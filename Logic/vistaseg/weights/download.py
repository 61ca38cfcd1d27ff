"""The only code of the project that reaches for the network: one file from the hub, anonymously."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vistaseg.errors import VistaSegError, WeightsError
from vistaseg.weights.manifest import WeightsEntry
from vistaseg.weights.record import Progress

# The hub client reads these constants at each call. Xet is off because its transfer cannot be cancelled from
# a progress report and keeps a second copy outside our data folder.
_SETTINGS = ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET")


def download(entry: WeightsEntry, folder: Path, progress: Progress | None = None, revision: str | None = None) -> Path:
    """Bring the file of `entry` into `folder`; a broken connection is resumed, a finished file kept.

    Args:
        revision: of the repository, where it is to be another one than the entry's.

    Raises:
        WeightsError: it did not arrive; what `progress` raises passes through.
    """
    try:
        with _quiet_hub() as hub:
            return Path(
                hub.hf_hub_download(
                    entry.hub_id,
                    entry.file,
                    revision=revision or entry.revision,
                    local_dir=folder,
                    token=False,
                    tqdm_class=_bar_class(progress),
                )
            )
    except VistaSegError:
        raise
    except Exception as error:
        raise _failure(entry, error) from error


def downloaded_revision(entry: WeightsEntry, folder: Path) -> str:
    """The commit of the published repository that a download into `folder` came from; empty where it is not noted.

    The hub's client writes it into the first line of a file of its own, beside the download.
    """
    note = folder / ".cache" / "huggingface" / "download" / f"{entry.file}.metadata"
    try:
        lines = note.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[0] if lines and re.fullmatch(r"[0-9a-f]{40}", lines[0]) else ""


def _failure(entry: WeightsEntry, error: Exception) -> WeightsError:
    return WeightsError(
        f"The download of {entry.title} from {entry.hub_id} failed ({type(error).__name__}: {error}). "
        f"Nothing was installed. Try again, or bring the file from another machine: "
        f"vistaseg weights import FILE --key {entry.key}"
    )


@contextmanager
def _quiet_hub() -> Iterator[Any]:
    """The hub's client without telemetry; its settings are put back, for others in the same process."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub
    from huggingface_hub import constants

    before = {name: getattr(constants, name) for name in _SETTINGS}
    try:
        for name in _SETTINGS:
            setattr(constants, name, True)
        yield huggingface_hub
    finally:
        for name, value in before.items():
            setattr(constants, name, value)


def _bar_class(progress: Progress | None) -> type:
    """A class that the hub takes for a progress bar and that reports to `progress` instead of drawing."""

    class Bar:
        def __init__(self, *_: Any, total: int | None = None, initial: int = 0, **__: Any) -> None:
            self.total, self.n = total, initial

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: Any) -> None:
            pass

        def update(self, count: int = 1) -> None:
            self.n += count
            if progress is not None:
                progress(self.n, self.total)

    return Bar
