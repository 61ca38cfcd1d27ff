from __future__ import annotations

import json
import shutil
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK

from vistaseg.errors import InputError, UsageError
from vistaseg.segmentation import Segmentation, check_writable, read_segmentation, write_segmentation
from vistaseg.segmentation.label_files import safe_stems, write_folder
from vistaseg.volume import read_volume

CORNER = (slice(6, 7), slice(5, 6), slice(4, 5))
FRONT = (slice(0, 2), slice(0, 3), slice(0, 4))
FLIPPED = np.array([[0, 0.8, 0, -120.5], [-0.7, 0, 0, 33.25], [0, 0, 2.5, -700.125], [0, 0, 0, 1]])
SHEARED = np.array([[1, 0, 0, 0], [0, 1, 0.3, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


@pytest.fixture
def segmentation(make_segment):
    segments = [
        make_segment("left kidney", 1, CORNER),
        make_segment("liver", 400, FRONT),
        make_segment("none", 3),
    ]
    return Segmentation((7, 6, 5), FLIPPED, segments, "scan")


@pytest.mark.parametrize("name", ["x.nii.gz", "x.nii"])
def test_nibabel_and_itk_find_the_same_labels_in_the_same_place(tmp_path, segmentation, name):
    nibabel = pytest.importorskip("nibabel")
    write_segmentation(segmentation, tmp_path / name)
    image = nibabel.load(tmp_path / name)
    assert np.array_equal(np.asarray(image.dataobj).T, segmentation.label_map())
    assert image.get_sform(coded=True)[1] == image.get_qform(coded=True)[1] == 1
    assert image.get_sform() == pytest.approx(FLIPPED, abs=1e-4)
    assert image.get_qform() == pytest.approx(FLIPPED, abs=1e-4)
    x, y, z = SimpleITK.ReadImage(str(tmp_path / name)).TransformIndexToPhysicalPoint((6, 5, 4))
    assert (-x, -y, z) == pytest.approx((FLIPPED @ [6, 5, 4, 1])[:3], abs=1e-4)


def test_the_table_says_what_each_label_is(tmp_path, segmentation):
    segmentation.segments[1].provenance["model"] = "VISTA3D"
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    table = json.loads((tmp_path / "x.json").read_text())
    liver = table["segments"][1]
    assert (liver["name"], liver["label"], liver["voxels"]) == ("liver", 400, 24)
    assert liver["ml"] == pytest.approx(24 * 0.8 * 0.7 * 2.5 / 1000, abs=5e-4)
    assert liver["provenance"] == {"model": "VISTA3D"}
    assert {"id", "color", "codes"} <= liver.keys()


def test_a_label_map_without_its_table_is_read_with_numbers_for_names(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    (tmp_path / "x.json").unlink()
    back = read_segmentation(tmp_path / "x.nii.gz")
    assert [item.name for item in back.segments] == ["label 1", "label 400"]


def test_a_label_map_beside_the_table_of_another_program_says_that_its_names_are_numbers(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    (tmp_path / "x.json").write_text('{"Modality": "CT"}')
    back = read_segmentation(tmp_path / "x.nii.gz")
    assert [item.name for item in back.segments] == ["label 1", "label 400"]
    assert "x.json is not a table that VistaSeg wrote" in back.notes[-1]


def test_labels_that_the_table_does_not_know_are_kept(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    table = json.loads((tmp_path / "x.json").read_text())
    table["segments"] = table["segments"][1:]
    (tmp_path / "x.json").write_text(json.dumps(table))
    assert [item.name for item in read_segmentation(tmp_path / "x.nii.gz").segments] == [
        "liver",
        "none",
        "label 1",
    ]


def test_the_table_of_another_image_does_not_move_this_one(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    table = json.loads((tmp_path / "x.json").read_text())
    table["grid"]["ijk_to_ras"][0][3] += 5
    (tmp_path / "x.json").write_text(json.dumps(table))
    assert read_segmentation(tmp_path / "x.nii.gz").ijk_to_ras == pytest.approx(FLIPPED, abs=1e-4)


@pytest.mark.parametrize("damage", ["{", '{"format": "vistaseg segmentation", "segments": [{}]}'])
def test_a_damaged_table_is_reported(tmp_path, segmentation, damage):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    (tmp_path / "x.json").write_text(damage)
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_segmentation(tmp_path / "x.nii.gz")


def test_whole_numbers_kept_as_floats_are_labels_and_fractions_are_not(tmp_path):
    values = np.zeros((3, 3, 3))
    values[1] = 2
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "x.nii.gz"))
    assert [item.label_value for item in read_segmentation(tmp_path / "x.nii.gz").segments] == [2]
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values + 0.25), str(tmp_path / "x.nii.gz"))
    with pytest.raises(InputError, match="fractions"):
        read_segmentation(tmp_path / "x.nii.gz")


@pytest.mark.parametrize("name", ["x.nii.gz", "masks"])
def test_a_tilted_grid_is_refused_before_anything_is_written(tmp_path, make_segment, name):
    tilted = Segmentation((7, 6, 5), SHEARED, [make_segment("liver", 1, FRONT)])
    with pytest.raises(UsageError, match=r"right angles.*\.seg\.nrrd"):
        write_segmentation(tilted, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_has_a_mask_for_each_structure(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "masks")
    names = sorted(path.name for path in (tmp_path / "masks").iterdir())
    assert names == ["left_kidney.nii.gz", "liver.nii.gz", "none.nii.gz", "segments.json"]
    liver = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "masks" / "liver.nii.gz")))
    assert np.array_equal(liver, segmentation.label_map() == 400)


def test_a_new_result_in_a_folder_replaces_the_old_and_spares_the_rest(tmp_path, segmentation):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "spleen.nii.gz").write_text("mine")
    write_segmentation(segmentation, tmp_path)
    segmentation.segments = segmentation.segments[1:]
    write_segmentation(segmentation, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["liver.nii.gz", "none.nii.gz", "notes.txt", "segments.json", "spleen.nii.gz"]
    assert [item.name for item in read_segmentation(tmp_path).segments] == ["liver", "none"]


def test_a_table_that_names_files_elsewhere_removes_nothing_there(tmp_path, segmentation):
    outside = tmp_path / "mine.nii.gz"
    outside.write_text("mine")
    write_segmentation(segmentation, tmp_path / "masks")
    table = tmp_path / "masks" / "segments.json"
    table.write_text(table.read_text().replace("liver.nii.gz", "../mine.nii.gz"))
    (tmp_path / "masks" / "liver.nii.gz").unlink()
    write_segmentation(segmentation, tmp_path / "masks")
    assert outside.read_text() == "mine"


def test_a_folder_with_a_file_missing_says_which(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "masks")
    (tmp_path / "masks" / "liver.nii.gz").unlink()
    with pytest.raises(InputError, match=r"liver\.nii\.gz does not exist"):
        read_segmentation(tmp_path / "masks")


def test_writing_again_over_an_own_table_is_allowed(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    check_writable(tmp_path / "x.nii.gz")


def test_file_names_are_safe_everywhere_and_all_different():
    names = ["Left Kidney", "left_kidney", "CON", "a/b:c*?", "Größe", "肝臓", "..", "x" * 300]
    stems = safe_stems(names)
    assert stems[:5] == ["left_kidney", "left_kidney_2", "con_", "a_b_c", "groe"]
    assert len({stem.lower() for stem in stems}) == len(names)
    assert all(stem.isascii() and 0 < len(stem) <= 90 and not stem.endswith((".", " ")) for stem in stems)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["liver.nii.gz", "segments.json"])
@pytest.mark.parametrize("write", [write_segmentation, write_folder])
def test_a_file_of_another_program_in_the_folder_is_not_overwritten(tmp_path, segmentation, write, name):
    (tmp_path / name).write_text('{"mine": 1}')
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=rf"{name} would be overwritten.*did not write it"):
        write(segmentation, tmp_path)
    assert contents(tmp_path) == before


def test_a_file_that_came_beside_an_own_result_is_not_overwritten(tmp_path, segmentation):
    liver, rest = segmentation.segments[1], [segmentation.segments[0]]
    write_segmentation(Segmentation((7, 6, 5), FLIPPED, rest), tmp_path)
    (tmp_path / "liver.nii.gz").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=r"liver\.nii\.gz would be overwritten"):
        write_segmentation(Segmentation((7, 6, 5), FLIPPED, [liver]), tmp_path)
    assert contents(tmp_path) == before


def test_a_folder_can_be_asked_beforehand_whether_a_name_is_taken(tmp_path):
    (tmp_path / "left_kidney.nii.gz").write_text("mine")
    check_writable(tmp_path, ["liver"])
    with pytest.raises(UsageError, match=r"left_kidney\.nii\.gz would be overwritten"):
        check_writable(tmp_path, ["liver", "left kidney"])


def without_orientation(image):
    image.set_qform(None, 0)
    image.set_sform(None, 0)


def with_two_places(image):
    image.set_qform(np.diag([2.0, 3.0, 4.0, 1.0]), 1)
    image.set_sform(np.diag([2.0, 3.0, 4.0, 1.0]) + np.eye(4, k=3) * 9, 2)


def with_another_spacing(image):
    image.set_sform(np.diag([5.0, 5.0, 5.0, 1.0]), 1)
    image.set_qform(None, 0)
    image.header["pixdim"][1:4] = 2, 3, 4


def sheared(image):
    image.set_sform(np.diag([2.0, 3.0, 4.0, 1.0]) + np.eye(4, k=1), 1)
    image.set_qform(None, 0)


@pytest.mark.parametrize("header", [without_orientation, with_two_places, with_another_spacing, sheared])
def test_labels_lie_on_a_scan_with_the_same_header_whatever_it_leaves_open(tmp_path, header):
    for name, kind in (("scan.nii.gz", np.int16), ("labels.nii.gz", np.uint8)):
        image = nibabel.Nifti1Image(np.arange(24, dtype=kind).reshape(2, 3, 4), np.diag([2.0, 3.0, 4.0, 1.0]))
        header(image)
        nibabel.save(image, tmp_path / name)
    labels, scan = read_segmentation(tmp_path / "labels.nii.gz"), read_volume(tmp_path / "scan.nii.gz")
    assert np.array_equal(labels.ijk_to_ras, scan.ijk_to_ras)


def test_a_label_map_that_was_cut_off_is_refused_by_name(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "x.nii")
    (tmp_path / "x.nii").write_bytes((tmp_path / "x.nii").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"x\.nii: .*ends early"):
        read_segmentation(tmp_path / "x.nii")


ODD = ["null", "true", "-1", "1.5", '"5"', "Infinity", "1" + "0" * 400, "[]", "[[1]]", "{}", "[" * 100_000]


@pytest.mark.parametrize("place", ["x.nii.gz", "folder"])
def test_any_value_of_a_table_that_is_of_another_kind_is_refused_or_harmless(tmp_path, segmentation, place):
    write_segmentation(segmentation, tmp_path / place)
    table = tmp_path / ("folder/segments.json" if place == "folder" else "x.json")
    sound, refused = table.read_text(), 0
    for key in ("id", "name", "label", "color", "codes", "provenance", "grid", "size_ijk", "ijk_to_ras", "segments"):
        for odd in ODD:
            values = json.loads(sound)
            at = next(each for each in (values, values["grid"], values["segments"][0]) if key in each)
            at[key] = "MARK"
            table.write_text(json.dumps(values).replace('"MARK"', odd))
            try:
                read_segmentation(tmp_path / place)
            except InputError as error:
                refused += 1
                assert str(table) in str(error) and len(str(error)) < 500
    assert refused > 80


@pytest.mark.parametrize("color", [[256, 0, 0], [0, -1, 0], [0, 0], ["1", 2, 3], [1.0, 2, 3]])
def test_a_colour_that_is_none_is_refused_by_its_table(tmp_path, segmentation, color):
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    table = json.loads((tmp_path / "x.json").read_text())
    table["segments"][0]["color"] = color
    (tmp_path / "x.json").write_text(json.dumps(table))
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_segmentation(tmp_path / "x.nii.gz")


def test_a_scan_whose_name_is_not_utf8_has_a_table_that_is(tmp_path, make_segment):
    name = "M\udcfcller"
    made = Segmentation((7, 6, 5), FLIPPED, [make_segment("liver", 1, FRONT, provenance={"text": name})], name)
    write_segmentation(made, tmp_path / "x.nii.gz")
    back = read_segmentation(tmp_path / "x.nii.gz")
    assert (back.name, back.segments[0].provenance["text"]) == (name, name)
    assert b"M\\udcfcller" in (tmp_path / "x.json").read_bytes()
    write_segmentation(made, tmp_path / "x.seg.nrrd")
    assert read_segmentation(tmp_path / "x.seg.nrrd").segments[0].provenance["text"] == name


def test_the_table_of_another_file_is_not_believed(tmp_path, segmentation):
    """After a copy, a change by another program, or the same name as .nii."""
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    shutil.copy(tmp_path / "x.nii.gz", tmp_path / "copy.nii.gz")
    shutil.copy(tmp_path / "x.json", tmp_path / "copy.json")
    named = [segment.name for segment in read_segmentation(tmp_path / "copy.nii.gz").segments]
    assert "liver" in named
    other = segmentation.segments[1:]
    write_segmentation(replace(segmentation, segments=other), tmp_path / "x.nii")
    found = read_segmentation(tmp_path / "x.nii.gz")
    assert all(segment.name.startswith("label ") and not segment.provenance for segment in found.segments)
    assert "x.json describes another file than x.nii.gz" in found.notes[-1]
    assert "liver" in [segment.name for segment in read_segmentation(tmp_path / "x.nii").segments]


def test_a_mask_that_was_changed_is_not_what_the_table_of_its_folder_says(tmp_path, segmentation):
    write_segmentation(segmentation, tmp_path / "masks")
    shutil.copy(tmp_path / "masks" / "left_kidney.nii.gz", tmp_path / "masks" / "liver.nii.gz")
    with pytest.raises(InputError, match=r"liver\.nii\.gz is not the file that segments\.json was written for"):
        read_segmentation(tmp_path / "masks")


@pytest.mark.parametrize("name", ["x.nii.gz", "masks"])
def test_tables_of_earlier_versions_have_no_hash_and_are_read(tmp_path, segmentation, name):
    write_segmentation(segmentation, tmp_path / name)
    path = tmp_path / "x.json" if name == "x.nii.gz" else tmp_path / "masks" / "segments.json"
    table = json.loads(path.read_text())
    table.pop("image", None)
    for row in table["segments"]:
        row.pop("sha256", None)
    path.write_text(json.dumps(table))
    assert "liver" in [segment.name for segment in read_segmentation(tmp_path / name).segments]
