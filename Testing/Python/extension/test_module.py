"""What the module tells Slicer of itself, and the rules that its files keep."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
import host
from host import module_manager

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "VistaSegExtension").rglob("*.py"))
FORMS = sorted((ROOT / "VistaSegExtension").rglob("*.ui"))
NEVER_AT_FILE_SCOPE = {"torch", "monai", "scipy", "pydicom", "SimpleITK", "highdicom", "huggingface_hub"}
NEEDS_THE_SCENE = ("qMRMLNodeComboBox", "qMRMLSegmentsTableView", "qSlicerMarkupsPlaceWidget")

on_the_host = pytest.mark.skipif(host.is_slicer(), reason="Slicer has registered the module already")


@on_the_host
def test_the_module_is_registered_with_help_and_icon():
    parent = module_manager.load("VistaSeg").parent
    assert (parent.title, parent.categories) == ("VistaSeg", ["Segmentation"])
    assert "Automatic" in parent.helpText and "VISTA3D" in parent.acknowledgementText
    assert not parent.icon.isNull()


@on_the_host
def test_sample_data_is_registered_with_a_checksum_after_start_up():
    module_manager.load("VistaSeg")
    registered = sys.modules["SampleData"].SampleDataLogic.registered
    registered.clear()
    slicer.app.startupCompleted.emit()
    source = registered[0]
    assert re.fullmatch(r"SHA256:[0-9a-f]{64}", source["checksums"])
    assert source["uris"].endswith(source["checksums"].split(":")[1])
    assert Path(source["thumbnailFileName"]).is_file()


def test_the_module_file_only_registers_mounts_and_hands_on():
    assert len((ROOT / "VistaSegExtension/VistaSeg/VistaSeg.py").read_text().splitlines()) < 120


@pytest.mark.parametrize("path", SOURCES, ids=[path.stem for path in SOURCES])
def test_nothing_heavy_at_file_scope(path):
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert not names & NEVER_AT_FILE_SCOPE


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_every_widget_that_needs_the_scene_is_given_it(path):
    """The host hands it on by itself; Slicer does so only where the form says so."""
    form = ElementTree.parse(path).getroot()
    needing = {w.get("name") for w in form.iter("widget") if w.get("class") in NEEDS_THE_SCENE}
    given = {
        connection.findtext("receiver")
        for connection in form.iter("connection")
        if connection.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and connection.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
        and connection.findtext("sender") == form.find("widget").get("name")
    }
    assert needing == given


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_buttons_have_tooltips(path):
    form = ElementTree.parse(path).getroot()
    for widget in form.iter("widget"):
        if widget.get("class") in ("QPushButton", "QToolButton"):
            names = {one.get("name") for one in widget.findall("property")}
            assert "toolTip" in names, widget.get("name")
