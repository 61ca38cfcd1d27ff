"""The session of one volume node, as long as its voxels and grid stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vistaseg.mrml.volumes import VolumeState, state_of, volume_from_node
from vistaseg.progress import Progress
from vistaseg.volume import Volume, check_ct
from vistaseg.workspace.loaded_models import LoadedModels

if TYPE_CHECKING:
    from vistaseg.session import Session


Warn = Callable[["VolumeSession", str], None]


class VolumeSession:
    """A session that is made at its first use, in the worker's thread.

    Args:
        node: a scalar volume node.
        keys: of the models that it is to have.
        warn: called with what looks wrong about the volume, in the worker's thread.

    Raises:
        InputError: the node is not a usable volume.
    """

    def __init__(self, node: Any, models: LoadedModels, keys: tuple[str, ...], warn: Warn) -> None:
        self.node, self.keys = node, keys
        self.volume: Volume = volume_from_node(node)
        self._state: VolumeState = state_of(node)
        self._models, self._warn = models, warn
        self._session: Session | None = None

    @property
    def current(self) -> Session | None:
        """The session, if it was made already."""
        return self._session

    def fits(self, node: Any, keys: tuple[str, ...]) -> bool:
        """Whether it is of this node as it is now, and of these models."""
        return node is self.node and keys == self.keys and state_of(node) == self._state

    def unchanged(self, scene: Any) -> bool:
        """Whether its node is in the scene, with the same voxels and grid."""
        return scene.GetNodeByID(self._state.node_id) is self.node and state_of(self.node) == self._state

    def get(self, progress: Progress) -> Session:
        """The session; checks the volume and loads the models at first.

        Raises:
            InputError: the volume is not a CT that can be segmented.
            WeightsError: weights are not installed.
            CancelledError: from `progress`.
        """
        if self._session is None:
            from vistaseg.session import Session  # in the worker's thread: the screen does not wait

            progress("checking the volume", 0, 1)
            warnings = check_ct(self.volume)
            progress("checking the volume", 1, 1)
            # Kept by the volume: the host's thread asks for it later, and must not wait.
            _ = self.volume.content_hash
            self._session = Session(self.volume, *self._models.get(self.keys, progress))
            for text in warnings:
                self._warn(self, text)
        return self._session
