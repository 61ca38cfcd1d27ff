"""Fixtures of the tests of the extension, which run on the test host and inside a Slicer alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import host
import numpy as np
import pytest
from fake_model import FakeModel

try:
    host.start()
except ImportError as error:
    # Each test file then skips itself by `pytest.importorskip("qt")`, with its name.
    print(f"No test host: {error}")
else:
    import slicer
    from host import module_manager
    from host.mrml_scene import scene  # noqa: F401 - a fixture
    from panel_case import PanelCase

WaitUntil = Callable[..., None]

# Voxels of 4 x 5 x 4.5 mm, turned by 0.2 rad about R.
SHAPE = (44, 30, 44)


def oblique() -> np.ndarray:
    """IJK to RAS of a tilted grid around the phantom."""
    c, s = np.cos(0.2), np.sin(0.2)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([-4.0, 5.0, 4.5])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return affine


@pytest.fixture
def wait_until() -> WaitUntil:
    """Let the application work until a condition holds; fails after some seconds."""

    def wait(condition: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            slicer.app.processEvents()
            time.sleep(0.001)

    return wait


@pytest.fixture
def models() -> dict[str, FakeModel]:
    """The models that jobs load; tests may make them slow."""
    return {key: FakeModel(key) for key in ("demo", "segvol-demo")}


@pytest.fixture
def add_ct(scene: Any, phantom: Any) -> Callable[[], Any]:  # noqa: F811
    """Adds a node with the phantom on an oblique grid."""
    volume = phantom(SHAPE, oblique())

    def add() -> Any:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        slicer.util.updateVolumeFromArray(node, np.array(volume.array))
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
        return node

    return add


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
