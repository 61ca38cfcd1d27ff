"""The sessions of the volumes of a scene, one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vistaseg.workspace.loaded_models import Load, LoadedModels

if TYPE_CHECKING:
    from vistaseg.workspace.volume_session import VolumeSession


class VolumeSessions:
    """Sessions with the models that they share; each is made at the first use of its volume.

    Args:
        scene: the MRML scene.
        load: gives the model of a key; called in the worker's thread.
    """

    def __init__(self, scene: Any, load: Load) -> None:
        self._scene = scene
        self._loaded = LoadedModels(load)
        self._sessions: dict[str, VolumeSession] = {}
        self._warnings: list[tuple[VolumeSession, str]] = []

    def get(self, volume_id: str) -> VolumeSession | None:
        """The session that the volume node of an id had last, if it had one."""
        return self._sessions.get(volume_id)

    def of(self, node: Any, keys: tuple[str, ...]) -> VolumeSession:
        """The session of a volume as it is now, with the models of these keys.

        Raises:
            InputError: the node is not a usable volume.
        """
        from vistaseg.workspace.volume_session import VolumeSession

        known = None if node is None else self.get(node.GetID())
        if known is None or not known.fits(node, keys):
            known = VolumeSession(node, self._loaded, keys, lambda one, text: self._warnings.append((one, text)))
            self._sessions[node.GetID()] = known
        return known

    def take_warnings(self) -> list[str]:
        """What looked wrong since the last call about volumes that are in the scene."""
        warnings = [self._warnings.pop(0) for _ in range(len(self._warnings))]
        return [text for session, text in warnings if session in self._sessions.values()]

    def prune(self) -> None:
        """Let go of volumes that are not in the scene any more."""
        for key, session in list(self._sessions.items()):
            if self._scene.GetNodeByID(key) is not session.node:
                del self._sessions[key]

    def forget_models(self) -> None:
        """Load models anew, for new sessions."""
        self._loaded.forget()
        self.clear()

    def clear(self) -> None:
        """Let go of all sessions."""
        self._sessions.clear()
