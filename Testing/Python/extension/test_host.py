"""What the host's stand-ins promise, because the panel relies on it in Slicer."""

from __future__ import annotations

from typing import Annotated

import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

FORM = """<ui version="4.0"><class>Form</class>
<widget class="qMRMLWidget" name="Form"><layout class="QVBoxLayout" name="rows">
<item><widget class="qMRMLNodeComboBox" name="selector">
<property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
<property name="noneEnabled"><bool>true</bool></property>
<property name="SlicerParameterName" stdset="0"><string>volume</string></property></widget></item>
<item><widget class="ctkCollapsibleButton" name="fold"><property name="text"><string>Fold</string></property>
<layout class="QVBoxLayout" name="inside">
<item><widget class="ctkSliderWidget" name="slider"><property name="maximum"><double>1</double></property>
<property name="SlicerParameterName" stdset="0"><string>amount</string></property></widget></item>
<item><widget class="QCheckBox" name="box">
<property name="SlicerParameterName" stdset="0"><string>chosen</string></property></widget></item>
</layout></widget></item></layout></widget>
<customwidgets>
<customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header></customwidget>
<customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>q.h</header></customwidget>
<customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>c.h</header>
<container>1</container></customwidget>
<customwidget><class>ctkSliderWidget</class><extends>QWidget</extends><header>c.h</header></customwidget>
</customwidgets>
<connections><connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""


@parameterNodeWrapper
class Parameters:
    volume: slicer.vtkMRMLScalarVolumeNode
    amount: Annotated[float, WithinRange(0, 1)] = 0.25
    chosen: bool = True
    words: str = "none"


class HostTestLogic(ScriptedLoadableModuleLogic):
    """Gives the parameter node of a module that is not there."""


@pytest.fixture
def form(tmp_path, scene):
    path = tmp_path / "Form.ui"
    path.write_text(FORM)
    widget = slicer.util.loadUI(str(path))
    widget.setMRMLScene(scene)
    yield widget
    widget.setMRMLScene(None)


@pytest.fixture
def parameters(scene):
    return Parameters(HostTestLogic().getParameterNode())


def test_properties_are_attributes():
    button = qt.QPushButton("Segment")
    button.toolTip = "Starts"
    button.setEnabled(False)
    assert (button.text, button.enabled) == ("Segment", False)
    assert "Starts" in button.toolTip  # which Slicer wraps, so that its lines break


def test_a_ui_file_gives_its_widgets_by_name(form):
    ui = slicer.util.childWidgetVariables(form)
    assert ui.fold.text == "Fold" and not ui.fold.collapsed and ui.slider.maximum == 1


def test_widgets_and_parameter_node_follow_one_another(form, parameters, scene):
    ui = slicer.util.childWidgetVariables(form)
    tag = parameters.connectGui(form)
    assert ui.slider.value == 0.25 and ui.box.checked
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    assert ui.selector.currentNode() is None
    ui.selector.setCurrentNode(volume)
    ui.slider.value = 0.5
    ui.box.setChecked(False)
    assert (parameters.volume.GetID(), parameters.amount, parameters.chosen) == (volume.GetID(), 0.5, False)
    parameters.volume = None
    assert ui.selector.currentNode() is None
    parameters.disconnectGui(tag)
    ui.box.setChecked(True)
    assert not parameters.chosen


def test_parameters_are_kept_in_the_scene(parameters, scene):
    parameters.words = "liver, spleen"
    again = Parameters(HostTestLogic().getParameterNode())
    assert (again.words, again.amount, again.volume) == ("liver, spleen", 0.25, None)


def test_parameters_refuse_what_they_were_not_declared_for(parameters):
    with pytest.raises((TypeError, ValueError)):
        parameters.amount = 2.0
    with pytest.raises((TypeError, ValueError)):
        parameters.volume = slicer.vtkMRMLTextNode()


def test_a_timer_runs_in_the_event_loop(wait_until):
    seen = []
    timer = qt.QTimer()
    timer.interval = 1
    timer.timeout.connect(lambda *_: seen.append(1))
    timer.start()
    wait_until(lambda: len(seen) > 3)
    timer.stop()
