"""Hearing of what leaves a scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer


def on_removals(scene: Any, hear: Callable[[], None]) -> Callable[[], None]:
    """Have a function called after a node was removed or the scene was closed; call what is returned to stop it."""
    events = (slicer.vtkMRMLScene.NodeRemovedEvent, slicer.vtkMRMLScene.EndCloseEvent)
    tags = [scene.AddObserver(event, lambda *_: hear()) for event in events]

    def stop() -> None:
        while tags:
            scene.RemoveObserver(tags.pop())

    return stop
