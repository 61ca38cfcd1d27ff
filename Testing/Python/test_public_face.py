"""What a notebook sees of VistaSeg: names and signatures that stay, and the same result for every kind of scan."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from fake_model import CLASSES, FakeModel
from frozen_calls import FROZEN

import vistaseg
from vistaseg.errors import InputError, UsageError, WeightsError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation
from vistaseg.volume import read_volume

SCAN = FROZEN / "input" / "scan.nii.gz"

SIGNATURES = {
    "segment": "(ct, structures, model='auto', device='auto', *, region=None, precision='auto', memory=None, progress)",
    "open_session": "(ct, model='auto', device='auto', *, precision='auto')",
    "read_ct": "(ct, series=None)",
    "read_segmentation": "(path)",
}
MEMBERS = {
    "Segmentation": {
        "__contains__", "__getitem__", "__iter__", "label_map", "notes", "save", "segments", "to_nibabel", "to_sitk",
    },
    "Session": {"add", "clear", "identify", "redo", "result", "segment", "segmentation", "start", "undo"},
    "Volume": {"array", "from_array", "from_nibabel", "from_sitk", "ijk_to_ras", "spacing", "to_sitk"},
}  # fmt: skip


@pytest.fixture
def fake_model(monkeypatch):
    """The model answers from Hounsfield units, at once; there is no left kidney for it."""
    monkeypatch.setattr("vistaseg.pipeline.plan.load_models", lambda *_arguments: [FakeModel("demo")])


def two_organs(affine: np.ndarray) -> Segmentation:
    """A liver and a spleen on a grid of 5 x 6 x 7 voxels."""
    array = np.zeros((7, 6, 5), np.uint8)
    array[1:3, 1:4, 0:2], array[5:, 4:, 3:] = 1, 2
    found = [(1, "liver"), (3, "spleen")]
    segments = []
    for label, (structure_id, name) in enumerate(found, start=1):
        segments.append(Segment(name, label, structure_id, (1, 2, 3), None, BoxedMask.of(array == label)))
    return Segmentation((5, 6, 7), affine, segments, "CT")


def signature(name: str) -> str:
    """Without types, and without the value of a default that is a function."""
    parameters = []
    for one in inspect.signature(getattr(vistaseg, name)).parameters.values():
        default = inspect.Parameter.empty if callable(one.default) else one.default
        parameters.append(one.replace(annotation=inspect.Parameter.empty, default=default))
    return str(inspect.Signature(parameters))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_stay(name):
    assert signature(name) == SIGNATURES[name]


def test_names_stay():
    assert set(vistaseg.__all__) == {*SIGNATURES, *MEMBERS, "Point", "RegionOfInterest", "VistaSegError", "__version__"}
    assert set(vistaseg.__all__) <= set(dir(vistaseg)) and all(hasattr(vistaseg, name) for name in vistaseg.__all__)
    for name, members in MEMBERS.items():
        kind = getattr(vistaseg, name)
        assert members <= {*dir(kind), *getattr(kind, "__dataclass_fields__", ())}
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = vistaseg.nothing_of_the_kind


def test_the_package_is_marked_as_typed():
    assert (Path(vistaseg.__file__).parent / "py.typed").is_file()


def test_help_shows_how_to_begin():
    code = "import vistaseg; help(vistaseg)"
    environment = {"PYTHONPATH": str(Path(vistaseg.__file__).parents[1]), "PAGER": "cat", "TERM": "dumb"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert 'vistaseg.segment("CT.nii.gz", "liver, kidneys")' in done.stdout
    assert "segment(" in done.stdout and "open_session(" in done.stdout


@pytest.mark.parametrize("kind", ["path", "nibabel", "SimpleITK", "Volume", "DICOM"])
def test_every_kind_of_scan_gives_the_same_masks_at_the_same_place(kind, fake_model):
    scan = {
        "path": lambda: str(SCAN),
        "nibabel": lambda: nibabel.load(SCAN),
        "SimpleITK": lambda: SimpleITK.ReadImage(str(SCAN)),
        "Volume": lambda: read_volume(SCAN),
        "DICOM": lambda: FROZEN / "input" / "dicom",
    }[kind]()
    found = vistaseg.segment(scan, ["liver", "spleen"], model="demo", device="cpu")
    volume = read_volume(SCAN)
    assert [one.name for one in found] == ["liver", "spleen"]
    for one, (low, high) in zip(found, (CLASSES[1], CLASSES[3]), strict=True):
        expected = np.argwhere((volume.array >= low) & (volume.array <= high))[:, ::-1]
        places = [grid.index_to_ras(index) for grid, index in (
            (found.grid, np.argwhere(one.mask)[:, ::-1]), (volume.grid, expected)
        )]  # fmt: skip
        assert np.allclose(*(np.sort(each.round(1), axis=0) for each in places), atol=0.2)


def test_the_bundled_model_finds_an_organ_where_it_is():
    found = vistaseg.segment(SCAN, "liver", model="demo", device="cpu")
    truth = read_volume(FROZEN / "input" / "truth.nii.gz").array == 1
    assert (found["liver"].mask & truth).sum() > 0


def test_doubts_are_warnings_and_notes(fake_model):
    with pytest.warns(UserWarning, match="Not found in this scan: left kidney"):
        found = vistaseg.segment(SCAN, "liver, left kidney", model="demo", device="cpu")
    assert any("left kidney" in note for note in found.notes)
    assert "liver" in found and "left kidney" not in found


def test_a_session_answers_a_click_in_ras():
    session = vistaseg.open_session(SCAN, model="demo", device="cpu")
    session.start("lesion")
    answer = session.add(vistaseg.Point((35.2, 10.8, 309.3)), "lesion")
    assert not answer.mask.empty and [model.identity.key for model in session.models] == ["demo", "segvol-demo"]


@pytest.mark.parametrize(
    ("ct", "structures", "model", "error", "named"),
    [
        ("missing.nii.gz", "liver", "demo", InputError, "missing.nii.gz"),
        (SCAN, "livr", "demo", UsageError, "livr"),
        (SCAN, "liver", "unet", UsageError, "unet"),
        (SCAN, "liver", "vista3d", WeightsError, "vista3d"),
        (42, "liver", "demo", InputError, "int"),
        (SCAN, "rectum", "demo", UsageError, "rectum"),
    ],
)
def test_what_cannot_be_used_is_named(ct, structures, model, error, named):
    with pytest.raises(error, match=named):
        vistaseg.segment(ct, structures, model=model, device="cpu")


def test_a_segment_is_found_by_name_and_synonym():
    found = two_organs(np.diag([2.0, 3.0, 4.0, 1.0]))
    assert found["liver"].mask.shape == (7, 6, 5) and found["liver"].mask.sum() == found["LIVER"].voxel_count == 12
    assert found["liver"].volume_ml == pytest.approx(12 * 24 / 1000)
    assert [one.name for one in found] == ["liver", "spleen"]
    with pytest.raises(KeyError, match=r"no segment 'heart'.*liver, spleen"):
        found["heart"]
    assert repr(found) == "<Segmentation of CT: liver 0.288 ml, spleen 0.192 ml>"
    assert "\n" not in repr(found) and repr(found["spleen"]) == "<spleen: 0.192 ml>"


@pytest.mark.parametrize("flip", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, 1, -1)])
def test_images_of_other_libraries_lie_at_the_same_place(flip):
    turn = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(np.array([2.0, 3.0, 4.0]) * flip)
    affine[:3, 3] = [10, -20, 30]
    found = two_organs(affine)
    voxel = (1, 2, 2)  # i, j, k, in the liver
    ras = found.grid.index_to_ras([voxel])[0]
    image = found.to_nibabel()
    assert np.allclose(image.affine @ [*voxel, 1], [*ras, 1]) and image.dataobj[voxel] == 1
    itk = found.to_sitk()
    at = itk.TransformPhysicalPointToIndex((-ras[0], -ras[1], ras[2]))
    assert at == voxel and itk.GetPixel(at) == 1


@pytest.mark.parametrize("name", ["a.seg.nrrd", "a.nii.gz", "masks/"])
def test_what_is_saved_is_read_again(name, tmp_path):
    found = two_organs(np.diag([-2.0, -3.0, 4.0, 1.0]))
    found.save(f"{tmp_path}/{name}")
    again = vistaseg.read_segmentation(f"{tmp_path}/{name}")
    assert np.array_equal(again.label_map(), found.label_map()) and np.allclose(again.ijk_to_ras, found.ijk_to_ras)
    assert isinstance(read_segmentation(Path(f"{tmp_path}/{name}")), vistaseg.Segmentation)
