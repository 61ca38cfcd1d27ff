"""Segments that a scan does not hold as they were drawn, and those of other scans: what the panel makes of them."""

from __future__ import annotations

import csv

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
pydicom = pytest.importorskip("pydicom")

from export_desk import MADE, SHAPE, Desk, blocks, same, scan
from host.mrml_nodes import add_scan

from vistaseg.dicom import read_seg, read_series
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.adding import add_segments
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

VOXEL_ML = 0.9 * 0.7 * 2.0 / 1000


@pytest.fixture
def desk(export_desk):
    return export_desk


def drawn(desk: Desk, grid: Grid, **masks: np.ndarray):
    """Choose a segmentation of the scan on a grid of its own, with masks (k, j, i) by name."""
    i, j, k = grid.shape_ijk
    lattice = add_scan(Volume.from_array(np.zeros((k, j, i), np.int16), grid.ijk_to_ras, axes="kji"))
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawing")
    node.CreateDefaultDisplayNodes()
    segments = [
        Segment(name, number, None, (9, 9, 9), None, BoxedMask.of(mask), MADE)
        for number, (name, mask) in enumerate(masks.items(), start=1)
    ]
    add_segments(node, Segmentation(grid.shape_ijk, grid.ijk_to_ras, segments), lattice)
    node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), desk.volume.GetID())
    desk.choose(desk.volume, node)
    return node


def larger(desk: Desk):
    """Four voxels above one another, of which two lie beyond the last slice, and two that lie there altogether."""
    grid = Grid((SHAPE[0], SHAPE[1], SHAPE[2] + 4), scan().ijk_to_ras)
    half, beyond = np.zeros((2, SHAPE[2] + 4, SHAPE[1], SHAPE[0]), bool)
    half[SHAPE[2] - 2 : SHAPE[2] + 2, 3, 4] = True
    beyond[SHAPE[2] + 2 :, 3, 4] = True
    return drawn(desk, grid, half=half, beyond=beyond)


def finer(desk: Desk):
    """Plates on a grid that is four times finer along j: one on the centres of voxels, one between, one whole voxel."""
    affine = scan().ijk_to_ras @ np.diag([1, 0.25, 1, 1.0])
    on, off, whole = np.zeros((3, SHAPE[2], 4 * SHAPE[1], SHAPE[0]), bool)
    on[1:5, 12, 2:6] = off[1:5, 14, 2:6] = True
    whole[1:5, 15:19, 2:6] = True
    return drawn(desk, Grid((SHAPE[0], 4 * SHAPE[1], SHAPE[2]), affine), on=on, off=off, whole=whole)


def marks(case) -> list[tuple[str, str]]:
    tree = case.section("Results").ui.resultTree
    return [
        (tree.topLevelItem(row).text(4), tree.topLevelItem(row).toolTip(4)) for row in range(tree.topLevelItemCount)
    ]


def table(desk: Desk) -> list[dict[str, str]]:
    with desk.written(".csv")[-1].open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def other_scan(desk: Desk, move=(10, 4, 3)):
    """A scan of somebody else, which has no images in the database."""
    affine = scan().ijk_to_ras.copy()
    affine[:3, 3] += move
    node = add_scan(Volume.from_array(scan().array, affine, axes="kji"))
    node.SetName("C")
    desk.volume.SetName("A")
    return node


def test_what_lies_beyond_the_scan_is_marked_in_the_table_of_results(desk, case):
    larger(desk)
    case.settle()
    (_, half), (mark, beyond) = marks(case)
    assert half.startswith("2 of its 4 voxels lie outside the scan")
    assert (mark, beyond) == ("⚠", "2 of its 2 voxels lie outside the scan")


def test_what_lies_beyond_the_scan_is_told_with_the_measures(desk):
    larger(desk)
    desk.press(desk.section.ui.tableButton)
    half, beyond = table(desk)
    assert (half["voxels"], half["warning"]) == ("2", "2 of its 4 voxels lie outside the scan")
    assert (beyond["name"], beyond["segment"], beyond["voxels"], beyond["mean"]) == ("beyond", "", "0", "")
    assert beyond["warning"] == "2 of its 2 voxels lie outside the scan"
    assert desk.told.level == "warning" and "half: 2 of its 4 voxels lie outside the scan" in desk.told.text


def test_what_lies_beyond_the_scan_is_told_with_the_export_and_not_called_empty(desk):
    larger(desk)
    desk.section.ui.reportBox.setChecked(True)
    desk.export()
    assert desk.told.level == "warning" and "empty" not in desk.told.text
    assert "half: 2 of its 4 voxels lie outside the scan." in desk.told.text
    assert "beyond: 2 of its 2 voxels lie outside the scan." in desk.told.text
    assert [row["warning"][:18] for row in table(desk)] == ["2 of its 4 voxels ", "2 of its 2 voxels "]
    (found,) = read_seg(desk.written("segmentation.dcm")[0], read_series(desk.files)).segments
    assert (found.name, found.voxel_count) == ("half", 2)


def test_volumes_that_resampling_changes_are_marked_in_the_table_of_results(desk, case):
    finer(desk)
    case.settle()
    plate, four = 16 * VOXEL_ML / 4, 16 * VOXEL_ML
    texts = [text for _, text in marks(case)]
    assert texts[0].startswith(f"{plate:.2f} ml as drawn, {four:.2f} ml on the voxels of the scan")
    assert texts[1] == f"{plate:.2f} ml as drawn, 0.00 ml on the voxels of the scan"
    assert "as drawn" not in texts[2]


def test_the_volume_of_a_segment_is_that_of_its_own_voxels_in_panel_and_table(desk, case):
    """As Slicer's Segment Statistics has it, and not as large as the coarser voxels of the scan make it."""
    finer(desk)
    case.settle()
    plate, four = 16 * VOXEL_ML / 4, 16 * VOXEL_ML
    tree = case.section("Results").ui.resultTree
    shown = [tuple(tree.topLevelItem(row).text(column) for column in (1, 2)) for row in range(3)]
    assert shown == [(f"{plate:.2f}", "16"), (f"{plate:.2f}", "16"), (f"{four:.2f}", "64")]
    desk.press(desk.section.ui.tableButton)
    rows = {row["name"]: (float(row["volume_ml"]), float(row["scan_volume_ml"])) for row in table(desk)}
    for name, sizes in {"on": (plate, four), "off": (plate, 0.0), "whole": (four, four)}.items():
        assert rows[name] == pytest.approx(sizes, abs=0.0006)


def test_the_report_of_an_export_measures_the_voxels_that_are_exported(desk):
    finer(desk)
    desk.section.ui.reportBox.setChecked(True)
    desk.export()
    highdicom = pytest.importorskip("highdicom")
    (path,) = (path for path in desk.written(".dcm") if pydicom.dcmread(path, stop_before_pixels=True).Modality == "SR")
    groups = highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    volumes = [group.get_measurements()[0].value for group in groups]
    assert volumes == pytest.approx([16 * VOXEL_ML, 16 * VOXEL_ML], abs=1e-4)


def test_volumes_that_resampling_changes_are_told_with_measures_and_export(desk):
    finer(desk)
    desk.section.ui.reportBox.setChecked(True)
    for button in (desk.section.ui.tableButton, desk.section.ui.exportButton):
        desk.press(button)
        assert desk.told.level == "warning"
        assert "has other voxels than the scan: it was resampled to the nearest voxel" in desk.told.text
        assert "off: 0.01 ml as drawn, 0.00 ml on the voxels of the scan" in desk.told.text
        assert "on: 0.01 ml as drawn, 0.02 ml on the voxels of the scan" in desk.told.text
        assert "empty" not in desk.told.text and "whole: " not in desk.told.text
        rows = {row["name"]: row for row in table(desk)}
        assert rows["off"]["voxels"] == "0" and "as drawn" in rows["off"]["warning"]
        assert rows["on"]["voxels"] == "16" and "as drawn" in rows["on"]["warning"]
        assert rows["whole"]["warning"] == ""


@pytest.mark.parametrize("derive", [True, False])
def test_segments_of_another_scan_are_refused_with_that_scan(desk, derive):
    desk.choose(other_scan(desk), desk.segmentation)
    if derive:
        desk.derive()
    assert "was made for A, and C is another scan" in desk.missing
    desk.export()
    assert desk.told.level == "error" and "Choose the volume A" in desk.told.text and desk.written() == []
    desk.press(desk.section.ui.tableButton)
    assert desk.told.level == "error" and "Choose the volume A" in desk.told.text and desk.written() == []


def test_segments_of_another_patient_on_the_same_grid_are_refused(desk):
    other = other_scan(desk, (0, 0, 0))
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(desk.scene)
    for name, node in (("one", desk.volume), ("other", other)):
        patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), name)
        hierarchy.CreateItem(patient, node)
    desk.choose(other, desk.segmentation)
    desk.derive()
    assert "was made for A, and C is another scan" in desk.missing


def test_segments_of_another_volume_on_the_same_grid_are_told(desk):
    desk.choose(other_scan(desk, (0, 0, 0)), desk.segmentation)
    desk.derive()
    desk.export()
    assert desk.told.level == "warning" and "was made for A, not for C" in desk.told.text


def test_segments_made_on_a_scan_may_be_exported_from_the_segmentation_of_another(desk):
    from vistaseg.mrml.seals import Seal, seal
    from vistaseg.mrml.volumes import volume_from_node

    other = other_scan(desk)
    liver, kidney = (desk.segmentation.GetSegmentation().GetNthSegment(n) for n in range(2))
    seal(liver, Seal(volume_from_node(other).content_hash, "liver", ""))
    desk.choose(other, desk.segmentation)
    desk.derive()
    assert f"on which these do not lie: {kidney.GetName()}. Choose the volume A" in desk.missing
    desk.segmentation.GetDisplayNode().SetSegmentVisibility(
        desk.segmentation.GetSegmentation().GetSegmentIdBySegment(kidney), False
    )
    desk.section.ui.visibleBox.setChecked(True)
    assert desk.missing == ""


def test_segments_without_a_known_scan_are_told_where_their_voxels_are_others(desk):
    node = finer(desk)
    node.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), None)
    desk.export()
    assert desk.told.level == "warning" and "Nothing says which scan Drawing was made for" in desk.told.text


def test_a_copy_of_a_segmentation_of_other_voxels_is_told(desk):
    from vistaseg.mrml.seals import Seal, seal

    seal(desk.segmentation.GetSegmentation().GetNthSegment(0), Seal("0" * 64, "liver", ""))
    role = desk.segmentation.GetReferenceImageGeometryReferenceRole()
    desk.segmentation.SetNodeReferenceID(role, None)
    desk.export()
    assert desk.told.level == "warning" and "made on other voxels than CT has: liver" in desk.told.text


def test_a_volume_whose_voxels_were_flipped_is_refused_with_its_way_out(desk):
    array = slicer.util.arrayFromVolume(desk.volume)
    array[:] = array[:, :, ::-1].copy()
    slicer.util.arrayFromVolumeModified(desk.volume)
    desk.export()
    assert desk.told.level == "error" and "flipped or mirrored" in desk.told.text and desk.written() == []
    desk.derive()
    desk.export()
    images = sorted(next(desk.out.glob("*images")).iterdir())
    assert same(read_seg(desk.written("segmentation.dcm")[0], read_series(images)), blocks())
