"""The panel as a whole: from an empty scene to a result that was corrected."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from host import module_manager

LONGEST_PAUSE_MS, LONGEST_WAIT_MS = 100, 3000
LEFT = (-40.0, 10.0, 33.0)


def buttons(panel):
    return {
        "segment": panel.sections["AutomaticSection"].ui.segmentButton,
        "plus": panel.sections["InteractiveSection"].ui.positiveButton,
        "cancel": panel.sections["ProgressSection"].ui.cancelButton,
    }


def place(panel, ras, positive=True):
    """A click there, as if made in a slice view."""
    panel.sections["InteractiveSection"]._onPoint(ras, positive, [])


def settle_events():
    """Let the application do what it does once it is idle."""
    for _ in range(5):
        slicer.app.processEvents()


def names(node):
    segmentation = node.GetSegmentation()
    return [segmentation.GetNthSegment(at).GetName() for at in range(segmentation.GetNumberOfSegments())]


def voxels(panel):
    """How many voxels each segment has."""
    node, volume = panel.selection.segmentationNode, panel.selection.volumeNode
    ids = node.GetSegmentation().GetSegmentIDs()
    return [int(np.count_nonzero(slicer.util.arrayFromSegmentBinaryLabelmap(node, i, volume))) for i in ids]


def test_in_an_empty_scene_only_a_volume_can_be_chosen(panel):
    assert not any(button.enabled for button in buttons(panel).values())
    assert "volume" in panel.sections["AutomaticSection"].ui.reasonLabel.text
    assert panel.sections["ModelSection"].ui.volumeSelector.enabled


def test_a_volume_that_is_there_is_chosen_on_entering(panel, add_ct):
    volume = add_ct()
    panel.exit()
    panel.enter()
    assert panel.selection.volumeNode.GetID() == volume.GetID()
    assert buttons(panel)["plus"].enabled


def test_a_volume_that_comes_while_none_is_chosen_is_chosen(panel, add_ct, wait_until):
    assert panel.selection.volumeNode is None
    volume = add_ct()
    wait_until(lambda: panel.selection.volumeNode is not None)
    assert panel.selection.volumeNode.GetID() == volume.GetID()
    assert panel.sections["ModelSection"].ui.volumeSelector.currentNode() is volume and buttons(panel)["plus"].enabled


def test_a_volume_that_comes_later_does_not_replace_the_chosen_one(panel, add_ct):
    chosen = panel.selection.volumeNode = add_ct()
    add_ct()
    settle_events()
    assert panel.selection.volumeNode is chosen


def test_what_comes_after_the_chosen_volume_was_deleted_is_chosen(panel, add_ct, wait_until):
    panel.selection.volumeNode = gone = add_ct()
    settle_events()
    slicer.mrmlScene.RemoveNode(gone)
    assert panel.selection.volumeNode is None
    another = add_ct()
    wait_until(lambda: panel.selection.volumeNode is another)


def test_only_scans_with_voxels_are_chosen_and_only_while_the_panel_is_open(panel, scene, add_ct):
    for kind in ("vtkMRMLLabelMapVolumeNode", "vtkMRMLVectorVolumeNode"):
        slicer.util.updateVolumeFromArray(scene.AddNewNodeByClass(kind), np.zeros((2, 2, 2), np.uint8))
    scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "still empty")
    settle_events()
    assert panel.selection.volumeNode is None
    panel.exit()
    volume = add_ct()
    settle_events()
    assert panel.selection.volumeNode is None
    panel.enter()
    assert panel.selection.volumeNode is volume


def test_segmented_by_name_and_corrected_by_clicks(panel, add_ct, wait_until):
    panel.selection.volumeNode = add_ct()
    panel.selection.parameters.classIds = "3"
    buttons(panel)["segment"].click()
    wait_until(lambda: not panel.workspace.busy)
    node = panel.selection.segmentationNode
    assert names(node) == ["spleen"]
    before = voxels(panel)
    panel.selection.segmentId = node.GetSegmentation().GetNthSegmentID(0)
    place(panel, LEFT)
    wait_until(lambda: not panel.workspace.busy)
    place(panel, (40.0, 10.0, -20.0), positive=False)
    wait_until(lambda: not panel.workspace.busy)
    after = voxels(panel)
    assert after != before and after[0] > 0
    panel.selection.editing.undo()
    panel.selection.editing.undo()
    assert voxels(panel) == before


def test_progress_is_shown_and_cancelling_leaves_the_scene(panel, add_ct, models, wait_until):
    models["demo"].windows, models["demo"].seconds_a_window = 400, 0.02
    panel.selection.volumeNode = add_ct()
    panel.selection.parameters.classIds = "3"
    buttons(panel)["segment"].click()
    progress = panel.sections["ProgressSection"].ui
    wait_until(lambda: progress.progressBar.value > 2)
    assert "spleen" in progress.stageLabel.text and "left" in progress.stageLabel.text
    buttons(panel)["cancel"].click()
    wait_until(lambda: not panel.workspace.busy, seconds=2)
    assert panel.selection.segmentationNode is None and not buttons(panel)["cancel"].enabled
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    editors = slicer.util.getNodesByClass("vtkMRMLSegmentEditorNode")
    assert [node for node in editors if not node.GetSingletonTag()] == []  # the Segment Editor has one of its own


def test_reloading_the_module_leaves_the_panel_open(panel, add_ct):
    panel.selection.volumeNode = volume = add_ct()
    again = module_manager.reload_widget("VistaSeg").panel
    assert again is not panel and again.selection.volumeNode is volume
    assert buttons(again)["plus"].enabled and again.selection.parameters.modelChoice == "demo"


def test_reloading_the_module_in_mid_job_leaves_the_scene(panel, add_ct, models, wait_until):
    models["demo"].windows, models["demo"].seconds_a_window = 400, 0.02
    panel.selection.volumeNode = add_ct()
    panel.selection.parameters.classIds = "3"
    place(panel, LEFT)
    buttons(panel)["segment"].click()
    settle_events()
    again = module_manager.reload_widget("VistaSeg").panel
    wait_until(lambda: not again.workspace.busy, seconds=2)
    assert again.selection.segmentationNode is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    # "Cancelled", and, where the click was being answered, that its result came too late.
    assert {message.level for message in again.workspace.messages.all} <= {"info", "warning"}


def test_the_application_is_never_kept_waiting(panel, add_ct, models, wait_until):
    models["demo"].windows, models["demo"].seconds_a_window = 40, 0.01
    panel.selection.volumeNode = add_ct()
    panel.selection.parameters.classIds = "1 3"
    ticks: list[tuple[float, float]] = []
    timer = qt.QTimer()
    timer.interval = 5
    timer.timeout.connect(lambda *_: ticks.append((time.thread_time(), time.monotonic())))
    buttons(panel)["segment"].click()
    timer.start()
    wait_until(lambda: not panel.workspace.busy)
    timer.stop()
    assert len(names(panel.selection.segmentationNode)) == 2
    working, waiting = 1000 * np.diff(np.array(ticks), axis=0).max(axis=0)
    # Other programs lengthen the waiting, and not the work.
    assert working <= LONGEST_PAUSE_MS and waiting <= LONGEST_WAIT_MS


def test_the_timer_rests_when_there_is_nothing_to_do(panel, add_ct, wait_until):
    from VistaSegLib import Host

    panel.selection.volumeNode = add_ct()
    place(panel, LEFT)
    assert Host._host._timer.active
    wait_until(lambda: not panel.workspace.busy and not Host._host._timer.active)


def test_the_application_goes_only_after_what_runs_has_stopped(panel):
    from VistaSegLib import Host

    stopped = []

    def work(progress):
        try:
            for window in range(1000):
                progress("windows", window, 1000)
                time.sleep(0.05)
        finally:
            stopped.append(True)

    panel.workspace.run("Working", work)
    time.sleep(0.02)
    Host.close()
    assert stopped


def test_a_message_says_what_to_do_and_can_be_copied(panel, add_ct, wait_until):
    panel.selection.volumeNode = add_ct()
    place(panel, (300.0, 0.0, 0.0))
    wait_until(lambda: not panel.workspace.busy)
    section = panel.sections["MessageSection"]
    assert "Click inside" in section.ui.textLabel.text
    section.ui.copyButton.click()
    assert "Click inside" in slicer.app.clipboard().text()
    section.ui.closeButton.click()
    assert panel.workspace.messages.latest is None


def test_details_fold_out(panel):
    panel.workspace.messages.add("error", "It failed. Try again.", "line 1")
    ui = panel.sections["MessageSection"].ui
    assert ui.detailsText.isHidden()
    ui.detailsButton.setChecked(True)
    assert not ui.detailsText.isHidden() and ui.detailsText.plainText == "line 1"


def test_the_choice_of_model_survives_saving_and_loading(panel, add_ct, tmp_path):
    panel.selection.volumeNode = add_ct()
    panel.selection.parameters.classIds = "3 5"
    path = str(tmp_path / "scene.mrml")
    slicer.mrmlScene.SetURL(path)
    assert slicer.mrmlScene.Commit(path)
    slicer.mrmlScene.Clear(0)
    assert panel.selection.volumeNode is None
    slicer.mrmlScene.SetURL(path)
    slicer.mrmlScene.Import()
    assert panel.selection.parameters.modelChoice == "demo"
    assert panel.selection.parameters.classIds == "3 5"
    assert panel.selection.volumeNode.GetName() == "CT"


@pytest.mark.parametrize("accepted", [True, False])
def test_weights_are_fetched_only_after_a_yes(panel, monkeypatch, wait_until, accepted):
    from VistaSegLib import Fetching

    asked, fetched = [], []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, **_: asked.append(text) or accepted)
    monkeypatch.setattr(Fetching, "fetch", lambda entry, name, progress: fetched.append((entry.key, name)))
    panel.selection.parameters.modelChoice = "vista3d"
    ui = panel.sections["ModelSection"].ui
    assert "872 MB" in ui.statusLabel.text and not panel.workspace.models
    ui.actionButton.click()
    wait_until(lambda: not panel.workspace.busy)
    assert len(asked) == 1 and "NVIDIA Open Model License" in asked[0]
    assert fetched == ([("vista3d", "NVIDIA Open Model License")] if accepted else [])


def test_the_device_is_told_once_somebody_has_looked(panel, add_ct, wait_until, monkeypatch):
    from VistaSegLib import DeviceLine

    monkeypatch.setattr(DeviceLine, "_describe", lambda: "CPU, 2 threads")
    monkeypatch.setattr(DeviceLine, "expectedSeconds", lambda node, key: 360.0)
    ui = panel.sections["ModelSection"].ui
    panel.selection.volumeNode = add_ct()
    ui.deviceButton.click()
    wait_until(lambda: not panel.workspace.busy)
    assert ui.deviceLabel.text == "CPU, 2 threads, about 6 min for this volume: draw a region"


def test_the_computer_is_examined_in_the_worker_and_the_report_can_be_copied(panel, wait_until, monkeypatch):
    from vistaseg import doctor
    from vistaseg.doctor.report import FAILED, OK, Check

    asked = []

    def examine(compute, **options):
        asked.append((threading.current_thread() is threading.main_thread(), options["thorough"]))
        return doctor.Report((Check("software", OK, "vistaseg"), Check("padding vista3d", FAILED, "Not as published.")))

    monkeypatch.setattr(doctor, "examine", examine)
    panel.sections["ModelSection"].ui.examineButton.click()
    wait_until(lambda: not panel.workspace.busy)
    message = panel.workspace.messages.latest
    assert asked == [(False, True)] and message.level == "error"
    assert "failed padding vista3d: Not as published." in message.text
    assert '"format": "vistaseg doctor 1"' in message.details
