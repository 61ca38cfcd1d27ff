"""All checks, in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg.doctor.installed import weights_checks
from vistaseg.doctor.record import record_checks
from vistaseg.doctor.report import FAILED, Check, Report
from vistaseg.doctor.software import software_checks
from vistaseg.doctor.windows import window_checks
from vistaseg.errors import CancelledError, VistaSegError
from vistaseg.models.registry import PREFERRED
from vistaseg.progress import Progress, silent
from vistaseg.weights import WeightsState, entry_for, load_manifest, status
from vistaseg.weights.recognising import published_padding

if TYPE_CHECKING:
    from vistaseg.compute import Compute


def examine(
    compute: Compute,
    keys: Sequence[str] | None = None,
    thorough: bool = False,
    ct: Path | None = None,
    progress: Progress = silent,
) -> Report:
    """Examine this machine.

    Args:
        compute: what models would compute on.
        keys: of the models to load; None: those whose published weights are installed.
        thorough: hash the weights, load them and compute a window; else only look whether they are there.
        ct: a file to segment; the best one is that of `record.SPLEEN_03`.

    Raises:
        CancelledError: raised by `progress`.
    """
    return Report(tuple(_checks(compute, keys, thorough, ct, progress)))


def _checks(
    compute: Compute, keys: Sequence[str] | None, thorough: bool, ct: Path | None, progress: Progress
) -> Iterator[Check]:
    yield from software_checks(compute)
    for number, entry in enumerate(load_manifest()):
        progress("checks", number, len(load_manifest()))
        yield from weights_checks(entry, thorough)
    if not thorough and ct is None:
        return
    chosen = _installed() if keys is None else keys
    for number, key in enumerate(chosen):
        progress("checks", number, len(chosen))
        yield from _model_checks(key, compute, ct, progress)


def _installed() -> list[str]:
    return [key for key in PREFERRED if status(entry_for(key)).state is WeightsState.INSTALLED]


def _model_checks(key: str, compute: Compute, ct: Path | None, progress: Progress) -> Iterator[Check]:
    """Of one model; a fault of its weights ends them, and the other models are examined all the same."""
    from vistaseg.compute import memory_guard
    from vistaseg.models.registry import load_model

    try:
        with memory_guard("the examination"):
            model = load_model(key, compute)
            yield from window_checks(model, published_padding(key))
            if ct is not None and model.class_ids:
                yield from record_checks(model, ct, progress)
    except CancelledError:
        raise
    except VistaSegError as error:
        yield Check(f"model {key}", FAILED, f"{type(error).__name__}: {_without_paths(str(error))}")


def _without_paths(text: str) -> str:
    """Paths hold names of users, and names of files hold names of patients."""
    return " ".join("…" if "/" in word or "\\" in word else word for word in text.split())
