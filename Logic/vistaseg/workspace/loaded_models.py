"""Models, each loaded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from vistaseg.progress import Progress

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel

Load = Callable[[str], "SegmentationModel"]


def load_on_best_device(key: str) -> SegmentationModel:
    """Load a model for the device that suits best; torch is imported here, not before.

    Raises:
        WeightsError: the weights are not installed.
    """
    from vistaseg.compute import choose_compute
    from vistaseg.models.registry import load_model

    return load_model(key, choose_compute())


class LoadedModels:
    """Models by key; used by the worker's thread."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._models: dict[str, SegmentationModel] = {}
        self._lock = Lock()

    def __contains__(self, key: str) -> bool:
        return key in self._models

    def get(self, keys: Sequence[str], progress: Progress) -> list[SegmentationModel]:
        """The models of the keys.

        Raises:
            WeightsError: the weights are not installed.
            CancelledError: from `progress`.
        """
        return [self._model(key, at, len(keys), progress) for at, key in enumerate(keys)]

    def forget(self) -> None:
        """Load models anew at their next use: weights have changed."""
        with self._lock:
            self._models.clear()

    def _model(self, key: str, at: int, count: int, progress: Progress) -> SegmentationModel:
        with self._lock:
            found = self._models.get(key)
        if found is None:
            progress("loading the model", at, count)
            found = self._load(key)
            with self._lock:
                self._models[key] = found
        return found
