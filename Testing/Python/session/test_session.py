"""The session over a network that can be understood: classes are ranges of brightness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from vistaseg import __version__, catalog
from vistaseg.compute import Compute
from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.prompts import RegionOfInterest
from vistaseg.segmentation import Segmentation, read_segmentation, write_segmentation
from vistaseg.segmentation.confidence import without_confidence
from vistaseg.session import Session
from vistaseg.volume import Volume

LIVER, SPLEEN, RIGHT, LEFT, TUMOR, VESSEL = 1, 3, 5, 14, 23, 25
LEFT_CENTRE = (-40, 10, 20)  # see PHANTOM in conftest.py
SHAPE = (46, 34, 47)

# class -> slope and offset of its logit over the brightness 0…1: the phantom's 40, 300, 600 and 900 HU are 0.50,
# 0.63, 0.78 and 0.92 there, so that each level is won by the next class, and the last two lie within others.
LOGITS = {LIVER: (1, -0.4), RIGHT: (4, -2.24), LEFT: (20, -14), TUMOR: (1, -0.85), VESSEL: (1, -0.6)}


class Encoder(nn.Module):
    """Features are the brightness and 1; counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, window: Tensor, with_point: bool, with_label: bool) -> tuple[None, Tensor]:
        self.calls += 1
        return None, torch.cat([window, torch.ones_like(window)], dim=1)


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.use_mlp, self.image_post_mapping = False, nn.Identity()
        self.class_embeddings = nn.Embedding(512, 2)
        nn.init.zeros_(self.class_embeddings.weight)
        for class_id, row in LOGITS.items():
            self.class_embeddings.weight.data[class_id] = torch.tensor(row)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image_encoder, self.class_head = Encoder(), Head()


def model(keep_bytes: int = 10**9, trained: tuple[int, ...] | None = None) -> Vista3d:
    configuration = Vista3dConfiguration(
        name="Brightness", width=2, features=2, spacing=(4.0, 4.0, 4.0), window=(32, 32, 32), trained_classes=trained
    )
    network: Any = Network().eval()
    compute = Compute(torch.device("cpu"), torch.float32)
    return Vista3d(network, configuration, compute, ModelIdentity("bright", "Brightness", "0f" * 32), keep_bytes)


def grid_of(codes: str, turn: tuple[float, float, float] = (0, 0, 0)) -> tuple[tuple[int, int, int], np.ndarray]:
    """Size and IJK to RAS of a 4 mm scan of the phantom whose axes grow as the codes say, turned by Euler angles."""
    affine, sizes = np.eye(4), []
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    for column, code in enumerate(codes):
        axis = next(n for n, pair in enumerate(("RL", "AP", "SI")) if code in pair)
        affine[:3, column] = rotation[:, axis] * (4 if code in "RAS" else -4)
        sizes.append(SHAPE[axis])
    middle = (np.array(sizes) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ middle
    return (sizes[0], sizes[1], sizes[2]), affine


@pytest.fixture(scope="module")
def volume(phantom: Callable[..., Volume]) -> Volume:
    return phantom(*grid_of("LPS"))


@pytest.fixture
def session(volume: Volume) -> Session:
    return Session(volume, model())


def encodings(session: Session) -> int:
    network: Any = session.model.network  # type: ignore[attr-defined]
    return int(network.image_encoder.calls)


def mask_of(segmentation: Segmentation, class_id: int) -> np.ndarray:
    found = [piece for piece in segmentation.segments if piece.structure_id == class_id]
    assert len(found) == 1
    return segmentation.full_mask(found[0])


def same(one: Segmentation, other: Segmentation) -> bool:
    pairs = zip(one.segments, other.segments, strict=True)
    return all(a.name == b.name and a.mask.equals(b.mask) for a, b in pairs)


def ids_of(segmentation: Segmentation) -> list[int | None]:
    return [piece.structure_id for piece in segmentation.segments]


def centre(segmentation: Segmentation, class_id: int) -> np.ndarray:
    """Mean position of a structure, RAS mm."""
    return np.asarray(
        segmentation.grid.index_to_ras(np.argwhere(mask_of(segmentation, class_id))[:, ::-1]).mean(axis=0)
    )


def test_segments_come_in_the_order_asked_with_what_the_catalogue_says(session):
    found = session.segment([LEFT, TUMOR, LIVER, RIGHT])
    assert ids_of(found) == [LEFT, TUMOR, LIVER, RIGHT]
    for piece in found.segments:
        structure = catalog.get(piece.label_value)
        assert (piece.name, piece.color) == (structure.name, structure.color)
        assert piece.terminology == structure.terminology and piece.terminology is not None


def test_a_class_that_stands_for_several_is_expanded(session):
    kidney = catalog.by_name("kidney").id
    assert ids_of(session.segment([kidney])) == [LEFT, RIGHT]


def test_a_class_that_is_nowhere_is_left_out(session):
    assert ids_of(session.segment([SPLEEN, LIVER])) == [LIVER]
    assert session.segment([SPLEEN]).segments == []


def test_competing_classes_exclude_one_another(session, volume):
    found = session.segment([LIVER, LEFT, RIGHT])
    assert not found.overlaps()
    assert centre(found, LEFT) == pytest.approx(LEFT_CENTRE, abs=1.5)
    assert centre(found, RIGHT) == pytest.approx((40, 10, -20), abs=1.5)
    assert mask_of(found, LEFT)[volume.array >= 600].mean() > 0.85
    assert not mask_of(found, LIVER)[volume.array >= 600].any()


def test_classes_that_lie_within_others_keep_their_own_masks(session):
    found = session.segment([LEFT, RIGHT, TUMOR, VESSEL])
    tumor, left, vessel = (mask_of(found, i) for i in (TUMOR, LEFT, VESSEL))
    assert tumor.any() and left[tumor].all() and vessel[tumor].all()
    alone = Session(session.volume, model()).segment([LEFT, RIGHT])
    assert np.array_equal(left, mask_of(alone, LEFT))


def test_all_classes_that_lie_within_others_can_be_asked_at_once(session):
    within = [i for i in catalog.expand(range(19, 29)) + [128, 132] if not catalog.get(i).in_everything]
    assert within == [23, 24, 25, 26, 27, 128, 132]
    assert ids_of(session.segment([LIVER, *within])) == [LIVER, TUMOR, VESSEL]


def test_the_result_lies_on_the_grid_of_the_volume(session, volume):
    found = session.segment([LIVER])
    assert found.shape_ijk == volume.shape_ijk and np.array_equal(found.ijk_to_ras, volume.ijk_to_ras)
    assert found.name == "phantom"


def test_a_second_question_encodes_nothing(session, volume):
    expected = session.windows()
    assert expected > 1
    first = session.segment([LIVER])
    assert encodings(session) == expected and session.windows() == 0
    later = session.segment([RIGHT, TUMOR])
    assert encodings(session) == expected
    assert same(later, Session(volume, model()).segment([RIGHT, TUMOR]))
    assert same(first, session.segment([LIVER]))


def test_without_room_for_features_a_second_question_gives_the_same_for_more_work(volume):
    session = Session(volume, model(keep_bytes=0))
    first = session.segment([LIVER, LEFT])
    assert session.windows() == encodings(session)
    assert same(first, session.segment([LIVER, LEFT]))


def test_a_region_is_labelled_as_the_whole_is_and_nothing_outside(session, volume):
    region = RegionOfInterest.between((-70, -20, 0), (0, 40, 45))
    part = session.segment([LIVER, LEFT, TUMOR], region)
    whole = Session(volume, model()).segment([LIVER, LEFT, TUMOR])
    for class_id in (LIVER, LEFT, TUMOR):
        expected = mask_of(whole, class_id)
        region.blank_outside(expected, volume.grid)
        assert expected.any()
        assert np.array_equal(mask_of(part, class_id), expected)


def test_a_region_costs_no_more_windows_than_the_whole(session):
    region = RegionOfInterest.between((-60, -5, 5), (-25, 25, 40))
    assert session.windows(region) == 1 < session.windows()
    session.segment([LEFT], region)
    assert encodings(session) == 1 and session.windows(region) == 0


def test_a_region_outside_the_scan_is_refused(session):
    low, high = session.volume.grid.bounds_ras
    with pytest.raises(InputError, match=f"which reaches from R {low[0]:.1f} to {high[0]:.1f}, A "):
        session.segment([LIVER], RegionOfInterest.between((300, 300, 300), (400, 400, 400)))


def test_a_region_in_the_air_beside_the_body_is_refused(volume):
    """The scan reaches 200 mm further than what is kept of it for the network."""
    matrix = volume.ijk_to_ras.copy()
    wide = Volume.from_array(np.pad(volume.array, ((0, 0), (0, 0), (0, 50)), constant_values=-1000), matrix, axes="kji")
    low, high = (
        wide.grid.index_to_ras([index])[0] for index in ((wide.shape_ijk[0] - 3, 1, 1), (wide.shape_ijk[0] - 1, 3, 3))
    )
    with pytest.raises(InputError, match="outside the body"):
        Session(wide, model()).segment([LIVER], RegionOfInterest.between(tuple(low.tolist()), tuple(high.tolist())))


def test_segments_say_how_they_were_made(session):
    for piece in session.segment([LIVER, TUMOR]).segments:
        assert without_confidence(piece.provenance) == {
            "algorithm_type": "AUTOMATIC",
            "algorithm_name": "Brightness",
            "software": f"VistaSeg {__version__}",
            "model": "bright",
            "weights_sha256": "0f" * 32,
            "recipe": {"bright": Recipe().as_dict()},
            "device": "cpu",
            "precision": "fp32",
            "window": [32, 32, 32],
        }


def test_segments_say_how_sure_the_model_is_of_them(session):
    found = {p.structure_id: p.confidence for p in session.segment([LIVER, RIGHT, LEFT, TUMOR]).segments}
    # The right kidney wins a brightness of 0.63 with a logit of 0.28 against 0.23, the tumor 0.92 with 0.07.
    assert found[RIGHT] == pytest.approx(np.exp(0.28) / (1 + np.exp(0.28) + np.exp(0.23)), abs=0.02)
    assert found[TUMOR] == pytest.approx(1 / (1 + np.exp(-0.07)), abs=0.02)


def test_what_prompts_have_made_is_nothing_to_be_sure_of(session):
    (found,) = session.segment([LEFT]).segments
    session.set_mask("left kidney", np.ascontiguousarray(mask_of(session.segment([LEFT]), LEFT)))
    assert found.confidence is not None and session.segmentation().segments[0].confidence is None


def test_segments_of_a_region_say_which_and_their_file_does_too(session, tmp_path):
    region = RegionOfInterest.between((-70, -20, 0), (0, 40, 45.5))
    write_segmentation(session.segment([LEFT, TUMOR], region), tmp_path / "out.seg.nrrd")
    back = read_segmentation(tmp_path / "out.seg.nrrd")
    assert ids_of(back) == [LEFT, TUMOR]
    for piece in back.segments:
        assert piece.provenance["region_ras_mm"] == [[-70, -20, 0], [0, 40, 45.5]]


@pytest.mark.parametrize(("codes", "turn"), [("LPS", (0, 0, 0)), ("RAS", (25, -10, 0))])
def test_a_region_between_the_voxels_is_refused_and_one_with_a_single_voxel_is_not(phantom, codes, turn):
    scan = phantom(*grid_of(codes, turn))
    session = Session(scan, model())
    centre = scan.index_to_ras(np.array([[23, 17, 23]]))[0]
    between = centre + scan.ijk_to_ras[:3, :3] @ (0.5, 0.5, 0.5)
    with pytest.raises(InputError, match="no voxel centre.*4 x 4 x 4 mm"):
        session.segment([LIVER], RegionOfInterest.between(tuple(between - 0.2), tuple(between + 0.2)))
    assert encodings(session) == 0
    found = session.segment([LIVER], RegionOfInterest.between(tuple(centre - 0.2), tuple(centre + 0.2)))
    assert [piece.voxel_count for piece in found.segments] == [1]


def test_progress_is_reported_for_every_window_up_to_the_end(session):
    seen: list[tuple[str, int, int]] = []
    windows = session.windows()
    session.segment([LIVER], progress=lambda *step: seen.append(step))
    assert seen == [("windows", n, windows) for n in range(windows + 1)]


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_cancelled_question_leaves_the_session_as_it_was(session, volume, at):
    windows = session.windows()

    def cancel(_stage: str, done: int, _total: int) -> None:
        if done == at:
            raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        session.segment([LIVER, LEFT], progress=cancel)
    assert encodings(session) == at
    assert session.windows() == windows
    assert same(session.segment([LIVER, LEFT]), Session(volume, model()).segment([LIVER, LEFT]))


def test_a_question_cancelled_after_another_does_not_change_what_follows(session, volume):
    first = session.segment([LIVER, LEFT])

    def cancel(*_: object) -> None:
        raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        session.segment([LEFT], RegionOfInterest.between((-60, -5, 5), (-25, 25, 40)), cancel)
    assert same(session.segment([LIVER, LEFT]), first)


def test_unknown_classes_are_refused_by_name(volume):
    session = Session(volume, model(trained=(LIVER, LEFT)))
    with pytest.raises(UsageError, match="Brightness does not know right kidney"):
        session.segment([LIVER, RIGHT])
    with pytest.raises(UsageError, match="rectum"):
        session.segment([18])
    assert encodings(session) == 0


def test_asking_for_nothing_is_wrong_use(session):
    with pytest.raises(UsageError, match="at least one structure"):
        session.segment([])


STORAGES = [
    ("RAS", (0, 0, 0)),
    ("LAS", (0, 0, 0)),
    ("RPI", (0, 0, 0)),
    ("PIR", (0, 0, 0)),
    ("SLA", (0, 0, 0)),
    ("IPL", (0, 0, 0)),
    ("LPS", (0, 0, 20)),
    ("RAS", (25, -10, 0)),
    ("SAL", (15, 10, -20)),
]


@pytest.mark.parametrize(("codes", "turn"), STORAGES)
def test_left_is_left_however_the_scan_is_stored(phantom, volume, session, codes, turn):
    other = phantom(*grid_of(codes, turn))
    found = Session(other, model()).segment([LIVER, LEFT, RIGHT])
    expected = session.segment([LIVER, LEFT, RIGHT])
    assert centre(found, LEFT)[0] < 0 < centre(found, RIGHT)[0]
    for class_id in (LIVER, LEFT, RIGHT):
        assert centre(found, class_id) == pytest.approx(centre(expected, class_id), abs=1.5)
        assert dice_at(mask_of(found, class_id), other, mask_of(expected, class_id), volume) > 0.9


def dice_at(mask: np.ndarray, grid: Volume, expected: np.ndarray, reference: Volume) -> float:
    """Dice of two masks on different grids, looked up at the voxels of the reference that both scans cover."""
    index = np.argwhere(np.ones_like(expected))
    found = np.rint(grid.ras_to_index(reference.index_to_ras(index[:, ::-1]))).astype(int)[:, ::-1]
    covered = ((found >= 0) & (found < mask.shape)).all(axis=1)
    one, other = mask[tuple(found[covered].T)], expected[tuple(index[covered].T)]
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def test_structures_are_asked_for_by_their_names(session) -> None:
    assert [s.name for s in session.segment("liver").segments] == [s.name for s in session.segment([LIVER]).segments]


@pytest.mark.parametrize("asked", [5, None, 1.5, ["liver"], [1.5], [None], ""])
def test_what_names_no_structure_is_refused_with_the_next_step(session, asked) -> None:
    with pytest.raises(UsageError, match="name"):
        session.segment(asked)
