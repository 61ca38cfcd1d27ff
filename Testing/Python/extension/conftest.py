"""Fixtures of the tests of the extension, which run on the test host and inside a Slicer alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import host
import pytest
import waiting
from fake_model import FakeModel

try:
    host.start()
except ImportError as error:
    # Each test file then skips itself by `pytest.importorskip("qt")`, with its name.
    print(f"No test host: {error}")
else:
    import slicer
    from host import module_manager
    from host.mrml_nodes import add_scan, tilted
    from host.mrml_scene import scene  # noqa: F401 - a fixture
    from panel_case import PanelCase

WaitUntil = Callable[..., None]
SHAPE = (44, 30, 44)


@pytest.fixture
def wait_until() -> WaitUntil:
    """Let the application work until a condition holds; fails after some seconds."""
    return partial(waiting.wait_until, work=slicer.app.processEvents)


@pytest.fixture
def models() -> dict[str, FakeModel]:
    """The models that jobs load; tests may make them slow."""
    return {key: FakeModel(key) for key in ("demo", "segvol-demo")}


@pytest.fixture
def add_ct(scene: Any, phantom: Any) -> Callable[[], Any]:  # noqa: F811
    """Adds a node with the phantom on an oblique grid."""
    return partial(add_scan, phantom(SHAPE, tilted(SHAPE, (-4.0, 5.0, 4.5))))


@pytest.fixture
def panel(scene: Any, models: dict[str, FakeModel]) -> Iterator[Any]:  # noqa: F811
    """The panel, open, with models that answer at once; nothing is left of it afterwards."""
    module_manager.load("VistaSeg")
    from vistaseg.workspace import Workspace
    from VistaSegLib import Host

    Host.use(Workspace(scene, models.__getitem__))
    panel = module_manager.open_widget("VistaSeg").panel
    panel.selection.parameters.modelChoice = "demo"
    yield panel
    module_manager.close_widget("VistaSeg")
    Host.close()


@pytest.fixture
def case(panel: Any) -> PanelCase:
    """The same panel, with what the tests of its sections do to it."""
    return PanelCase(panel)


@pytest.fixture
def export_desk(panel: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The panel over a CT from DICOM, with a DICOM database of its own."""
    pytest.importorskip("highdicom")
    import qt
    from export_desk import Desk

    from VistaSegLib.ExportSection import FOLDER

    qt.QSettings().remove(FOLDER)
    monkeypatch.setattr(slicer, "dicomDatabase", None, raising=False)  # so that it is put back afterwards
    yield Desk(panel, tmp_path)
    panel.workspace.cancel()
