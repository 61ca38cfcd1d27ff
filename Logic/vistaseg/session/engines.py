"""The models of a session, each before the one volume."""

from __future__ import annotations

from collections.abc import Sequence

from vistaseg.errors import UsageError
from vistaseg.models.protocol import OpenedVolume, SegmentationModel
from vistaseg.volume import Volume


class Engines:
    """Models by their keys; what a model prepares for the volume is made at its first use.

    Args:
        models: at least one, of different keys; the first one answers where several could.

    Raises:
        InputError: the first model cannot use the volume.
    """

    def __init__(self, volume: Volume, models: Sequence[SegmentationModel]) -> None:
        self._volume = volume
        self._models = {model.identity.key: model for model in models}
        self._opened: dict[str, OpenedVolume] = {}
        self.opened(models[0].identity.key)

    @property
    def models(self) -> tuple[SegmentationModel, ...]:
        """In order of preference."""
        return tuple(self._models.values())

    @property
    def for_classes(self) -> SegmentationModel:
        """The first model that knows classes, or the first of all."""
        return next((model for model in self.models if model.class_ids), self.models[0])

    def model(self, key: str) -> SegmentationModel:
        """The model of a key.

        Raises:
            UsageError: it is not in the session.
        """
        if key not in self._models:
            raise UsageError(f"The model {key!r} is not open here, only {', '.join(self._models)}. Open it as well.")
        return self._models[key]

    def opened(self, key: str) -> OpenedVolume:
        """The volume before a model.

        Raises:
            UsageError: it is not in the session.
            InputError: the model cannot use the volume.
        """
        model = self.model(key)
        if key not in self._opened:
            self._opened[key] = model.open(self._volume)
        return self._opened[key]
