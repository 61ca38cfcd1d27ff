"""What is written as DICOM comes back the same: voxels, codes, colours, and how it was made."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom
import pytest
from dicom_segmentations import (
    AXIAL,
    KINDS,
    MANUAL,
    SEMIAUTOMATIC,
    box,
    everything,
    on,
    one_voxel,
    rotation,
    same_masks,
    segment_of,
    series_of_kind,
    series_on,
    several,
    volume_on,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian

from vistaseg import catalog
from vistaseg.catalog import Code, Terminology
from vistaseg.dicom import Description, check_seg, read_seg, write_seg


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [several, one_voxel])
def test_voxels_and_codes_come_back_on_the_grid_of_the_series(kind, make, tmp_path):
    series = series_of_kind(kind)
    meant = make(series)
    write_seg(meant, series, tmp_path / "seg.dcm")
    found = read_seg(tmp_path / "seg.dcm", series)
    assert np.array_equal(found.ijk_to_ras, series.volume.ijk_to_ras) and found.shape_ijk == series.volume.shape_ijk
    assert same_masks(meant, found)
    for one, other in zip(meant.segments, found.segments, strict=True):
        assert (other.name, other.structure_id, other.color) == (one.name, one.structure_id, one.color)
        assert one.terminology is None or other.terminology == one.terminology


@settings(max_examples=25)
@given(
    axis=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.1),
    degrees=st.floats(0, 180),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    origin=st.tuples(*[st.floats(-800, 800)] * 3),
    shape=st.tuples(*[st.integers(1, 7)] * 3),
    seed=st.integers(0, 1000),
    labelmap=st.booleans(),
)
def test_any_orientation_size_and_mask_comes_back(axis, degrees, spacing, origin, shape, seed, labelmap):
    affine = rotation(axis, degrees) @ np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    series = series_on(volume_on(affine, shape))
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, shape)
    first, second = labels == 1, (labels == 2) if labelmap else random.random(shape) > 0.5
    first[0, 0, 0], second[-1, -1, -1] = True, True
    second &= ~first | (not labelmap)
    meant = on(series, segment_of("liver", first), segment_of("spleen", second))
    meant.segments = [segment for segment in meant.segments if segment.voxel_count]
    with TemporaryDirectory() as folder:
        write_seg(meant, series, Path(folder) / "seg.dcm", labelmap=labelmap)
        assert same_masks(meant, read_seg(Path(folder) / "seg.dcm", series))


def test_without_the_series_the_result_lies_where_the_frames_lie(tmp_path):
    series = series_of_kind("doubly oblique")
    meant = on(series, segment_of("liver", box((2, 4), (2, 6), (3, 7))))
    write_seg(meant, series, tmp_path / "seg.dcm")
    found = read_seg(tmp_path / "seg.dcm")
    assert found.shape_ijk == (10, 9, 2)
    mine, its = (one.grid.index_to_ras(np.argwhere(one.full_mask(one.segments[0]))[:, ::-1]) for one in (meant, found))
    assert np.allclose(mine, its, atol=1e-4)


def test_117_segments_come_back_in_both_forms(tmp_path):
    series = series_of_kind("axial")
    meant = everything(series)
    for labelmap in (False, True):
        write_seg(meant, series, tmp_path / "seg.dcm", labelmap=labelmap)
        found = read_seg(tmp_path / "seg.dcm", series)
        assert same_masks(meant, found)
        assert [one.name for one in found.segments] == [one.name for one in meant.segments]
        assert [one.structure_id for one in found.segments] == [one.structure_id for one in meant.segments]


def test_more_than_255_segments_fit_into_a_label_map(tmp_path):
    series = series_of_kind("axial")
    segments = []
    for number in range(300):
        mask = np.zeros(540, dtype=bool)
        mask[number] = True
        segments.append(segment_of(f"lesion {number}", mask.reshape(6, 9, 10)))
    meant = on(series, *segments)
    write_seg(meant, series, tmp_path / "seg.dcm", labelmap=True)
    assert pydicom.dcmread(tmp_path / "seg.dcm").BitsAllocated == 16
    assert same_masks(meant, read_seg(tmp_path / "seg.dcm", series))


def test_how_a_segment_was_made_is_told_and_comes_back(tmp_path):
    series = series_of_kind("axial")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    automatic, assisted, manual, _ = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence
    assert [item.SegmentAlgorithmType for item in (automatic, assisted, manual)] == [
        "AUTOMATIC",
        "SEMIAUTOMATIC",
        "MANUAL",
    ]
    identification = automatic.SegmentationAlgorithmIdentificationSequence[0]
    assert (automatic.SegmentAlgorithmName, identification.AlgorithmName) == ("VISTA3D", "VISTA3D")
    assert identification.AlgorithmVersion == "VistaSeg 1.0"
    parameters = json.loads(identification.AlgorithmParameters)
    assert parameters["weights_sha256"] == "ab" * 32
    assert parameters["recipe"]["vista3d"] == {"version": 2, "padding": "replicate", "click_place": "exact"}
    assert "SegmentAlgorithmName" not in manual and "SegmentationAlgorithmIdentificationSequence" not in manual
    found = read_seg(tmp_path / "seg.dcm", series)
    assert {key: found.segments[1].provenance[key] for key in SEMIAUTOMATIC} == SEMIAUTOMATIC
    assert found.segments[2].provenance["algorithm_type"] == MANUAL["algorithm_type"]


def test_very_many_prompts_are_counted_where_dicom_has_no_room(tmp_path):
    series = series_of_kind("axial")
    many = SEMIAUTOMATIC | {"prompts": [{"kind": "point", "ras": [1.25, 2.5, 3.75]}] * 500}
    meant = on(series, segment_of("liver", box((1, 4), (2, 6), (3, 7)), many), segment_of("spleen", box(*[(0, 1)] * 3)))
    notes = write_seg(meant, series, tmp_path / "seg.dcm").notes
    found = read_seg(tmp_path / "seg.dcm", series).segments[0].provenance
    assert found["prompts"] == 500 and found["weights_sha256"] == "ab" * 32
    assert [("liver" in note, "spleen" in note) for note in notes if "prompts" in note] == [(True, False)]


def test_a_name_that_dicom_has_no_room_for_is_cut_with_a_note(tmp_path):
    series = series_of_kind("axial")
    meant = on(series, segment_of("n" * 1024, box((1, 2), (2, 6), (3, 7))), segment_of("o" * 1025, box(*[(0, 1)] * 3)))
    notes = write_seg(meant, series, tmp_path / "seg.dcm").notes
    assert [segment.name for segment in read_seg(tmp_path / "seg.dcm").segments] == ["n" * 1024, "o" * 1024]
    assert [("nnn" in note, "ooo" in note) for note in notes if "names" in note] == [(False, True)]


def test_what_is_known_of_work_by_hand_is_kept(tmp_path):
    series = series_of_kind("axial")
    made = {"algorithm_type": "MANUAL", "software": "VistaSeg 1.0", "edited": True}
    write_seg(on(series, segment_of("liver", box((1, 4), (2, 6), (3, 7)), made)), series, tmp_path / "seg.dcm")
    item = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0]
    family = item.SegmentationAlgorithmIdentificationSequence[0].AlgorithmFamilyCodeSequence[0]
    assert (family.CodeValue, family.CodingSchemeDesignator) == ("123109", "DCM")
    assert "SegmentAlgorithmName" not in item
    found = read_seg(tmp_path / "seg.dcm", series).segments[0].provenance
    assert {key: found[key] for key in made} == made


def test_region_and_its_side_are_kept(tmp_path):
    series = series_of_kind("axial")
    left = Code("7771000", "SCT", "Left")
    kidney = Code("64033007", "SCT", "Kidney")
    terms = Terminology(
        Code("49755003", "SCT", "Morphologically Altered Structure"),
        Code("367643001", "SCT", "Cyst"),
        left,
        kidney,
        left,
    )
    segment = segment_of("cyst", box((1, 4), (2, 6), (3, 7)))
    segment.terminology = terms
    write_seg(on(series, segment), series, tmp_path / "seg.dcm")
    item = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0]
    assert item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0].CodeValue == left.value
    type_item = item.SegmentedPropertyTypeCodeSequence[0]
    assert type_item.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == left.value
    assert read_seg(tmp_path / "seg.dcm").segments[0].terminology == terms


def test_codes_of_other_makers_are_written_as_dicom_can_hold_them(tmp_path):
    series = series_of_kind("axial")
    long = Code("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "99LOCAL", "a meaning \\ " + "of very many words " * 9)
    segment = segment_of("lesion", box((1, 4), (2, 6), (3, 7)))
    segment.terminology = Terminology(long, Code("T-1", "99LOCAL", ""))
    write_seg(on(series, segment), series, tmp_path / "seg.dcm")
    assert [finding for finding in check_seg(tmp_path / "seg.dcm") if finding.level == "error"] == []
    found = read_seg(tmp_path / "seg.dcm").segments[0].terminology
    assert (found.category.value, found.type) == (long.value, Code("T-1", "99LOCAL", "T-1"))
    assert long.meaning.replace("\\", "/").startswith(found.category.meaning)


def test_a_segment_without_codes_is_called_tissue_and_keeps_its_name(tmp_path):
    series = series_of_kind("axial")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    found = read_seg(tmp_path / "seg.dcm").segments[3]
    assert found.name == several(series).segments[3].name
    assert found.terminology is not None and found.terminology.category.meaning == "Tissue"


def test_the_file_says_what_it_refers_to_and_who_made_it(tmp_path):
    series = series_of_kind("axial")
    description = Description("Organs of the abdomen", "Doe^Jane")
    export = write_seg(several(series), series, tmp_path / "seg.dcm", description=description)
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    images = {image.SOPInstanceUID for image in series.datasets}
    listed = found.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in listed} == images
    assert found.FrameOfReferenceUID == series.datasets[0].FrameOfReferenceUID
    assert (found.SeriesDescription, found.ContentDescription) == ("Organs of the abdomen",) * 2
    assert found.ContentCreatorName == "Doe^Jane" and found.SegmentsOverlap == "YES"
    assert found.SOPInstanceUID == export.header.SOPInstanceUID
    for frame in found.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        image = next(image for image in series.datasets if image.SOPInstanceUID == source)
        assert frame.PlanePositionSequence[0].ImagePositionPatient == image.ImagePositionPatient
    assert found.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian


def test_only_frames_with_voxels_are_written(tmp_path):
    series = series_of_kind("axial")
    write_seg(on(series, segment_of("liver", box((2, 4), (2, 6), (3, 7)))), series, tmp_path / "seg.dcm")
    assert pydicom.dcmread(tmp_path / "seg.dcm").NumberOfFrames == 2


def test_the_distance_of_slices_is_told_where_slices_overlap(tmp_path):
    series = series_on(volume_on(AXIAL), SliceThickness=5)
    write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    measures = pydicom.dcmread(tmp_path / "seg.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (measures.SpacingBetweenSlices, measures.SliceThickness) == (2.5, 5)


@pytest.mark.parametrize("first", range(1, 133, 44))
def test_every_class_of_the_catalogue_comes_back_with_its_id(tmp_path, first):
    """Also those without a public code."""
    series = series_of_kind("axial")
    structures = [catalog.get(number) for number in range(first, first + 44)]
    masks = np.eye(44, int(np.prod(series.volume.array.shape)), dtype=bool).reshape(44, *series.volume.array.shape)
    meant = on(series, *(segment_of(one.name, mask) for one, mask in zip(structures, masks, strict=True)))
    write_seg(meant, series, tmp_path / "seg.dcm")
    found = read_seg(tmp_path / "seg.dcm", series).segments
    assert [segment.structure_id for segment in found] == [one.id for one in structures]
    assert [segment.terminology for segment in found] == [one.terminology for one in structures]


def test_a_name_without_a_class_is_no_class_after_a_round_trip(tmp_path):
    series = series_of_kind("axial")
    write_seg(on(series, segment_of("a thing", box((1, 4), (2, 6), (3, 7)))), series, tmp_path / "seg.dcm")
    assert read_seg(tmp_path / "seg.dcm", series).segments[0].structure_id is None
