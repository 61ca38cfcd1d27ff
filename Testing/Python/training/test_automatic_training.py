"""The parts of the training of the automatic branch whose failure nobody would see in a loss curve."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import augmentation
import evaluate_automatic
import evaluate_clicks
import numpy as np
import pytest
import torch
import train_automatic
from artefacts import OUTSIDE, with_arm, with_couch, with_metal
from augmentation import AIR, Patch, Subject, annotated_voxels, as_grid, random_patch, shift_contrast, side_by_side
from cases import Case
from evaluate_automatic import compared, scraps_of, table
from losses import label_map_loss
from resumable import export
from safetensors.torch import load_file
from teachers import lungs_in_the_lowest_plane, with_bone
from train_automatic import AutomaticRun, View, asked_classes
from training_structures import BONE, LEFT_LUNG, RIGHT_LUNG, SPINE, UNSURE_BONE
from variants import voxels_of
from widening import narrowed, widened

from vistaseg import catalog
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network

SMALL = Vista3dConfiguration(
    name="small", width=8, features=32, blocks_down=(1, 1), spacing=(3.0, 3.0, 3.0), trained_classes=(1, 28, 29, 121)
)
NARROW = 16
LIVER, CORD = 1, 121


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gradient(labels: list[int], ids: list[int], annotated: dict[int, list[bool]]) -> torch.Tensor:
    """Of the loss, at logits of 0, (classes, voxels)."""
    logits = torch.zeros(len(ids), len(labels), requires_grad=True)
    masks = {structure: torch.tensor(mask) for structure, mask in annotated.items()}
    label_map_loss(logits, torch.tensor(labels), torch.tensor(ids), masks).backward()
    assert logits.grad is not None
    return logits.grad


def test_where_nobody_looked_nothing_is_learned() -> None:
    found = gradient([0, 0, CORD, 0], [LIVER, CORD], {LIVER: [True] * 4, CORD: [False, True, True, True]})
    assert found[1, 0] == 0
    assert (found[1, 1] > 0, found[1, 2] < 0) == (True, True)
    assert (found[0] > 0).all(), "no voxel is of the liver"


def test_a_union_is_learned_without_naming_its_parts() -> None:
    ids = [LIVER, 28, 29]
    logits = torch.tensor([[0.0, 0.0], [0.4, 0.0], [0.1, 0.3]], requires_grad=True)
    label_map_loss(
        logits, torch.tensor([LEFT_LUNG, 0]), torch.tensor(ids), {LEFT_LUNG: torch.ones(2, dtype=torch.bool)}
    ).backward()
    assert logits.grad is not None
    assert (logits.grad[0] == 0).all(), "of the liver the scan says nothing"
    assert logits.grad[1, 0] < 0, "the strongest part is made stronger in the lung"
    assert logits.grad[2, 1] > 0, "and weaker outside"
    assert (logits.grad[2, 0], logits.grad[1, 1]) == (0, 0)


def test_only_classes_that_are_trained_are_asked_for() -> None:
    everywhere = torch.ones(2, dtype=torch.bool)
    asked = asked_classes({LIVER: everywhere, SPINE: everywhere, 22: everywhere}, (LIVER, 40, 41, 63))
    assert asked == [LIVER, 40, 41]


def subject(annotated: dict[int, tuple[int, int]], label: int = CORD) -> Subject:
    """A scan whose label marks the planes 10 to 29 of 40."""
    labels = torch.zeros(1, 1, 40, 40, 40)
    labels[..., 10:30] = label
    return Subject(torch.where(labels > 0, 300.0, 0.0), labels, annotated, {label: labels[0, 0].nonzero()})


def test_planes_in_which_nobody_looked_stay_unknown_in_a_patch() -> None:
    scan = subject({CORD: (11, 29), LIVER: (0, 40)})
    grid = as_grid(voxels_of(scan.image) - torch.tensor([0.0, 0.0, 5.0]), scan.image)
    known = annotated_voxels(scan, grid, torch.zeros(40, 40, 40))
    assert known[CORD].any(dim=0).any(dim=0).nonzero().flatten().tolist() == [*range(16, 34)]
    assert known[LIVER].all(), "air beyond a scan is no liver"


def test_a_turned_patch_knows_no_more_than_the_scan() -> None:
    for seed in range(6):
        patch = random_patch(subject({CORD: (10, 30)}), 24, 1.0, (-1000.0, 1000.0), generator(seed))
        unlabelled = patch.annotated[CORD] & (patch.labels != CORD) & (patch.image[0, 0] > 0.4)
        assert unlabelled.float().mean() < 0.06, "but for the half voxel at the border"


def test_what_may_be_marrow_is_not_taken_for_its_absence() -> None:
    scan = subject({BONE: (0, 40)}, UNSURE_BONE)
    grid = as_grid(voxels_of(scan.image), scan.image)
    assert not annotated_voxels(scan, grid, scan.labels[0, 0])[BONE][..., 10:30].any()
    bone = np.zeros((20, 20, 20), bool)
    bone[5:15, 5:15, 5:15] = True
    bone[7:13, 7:13, 7:13] = False
    labels = with_bone(np.zeros(bone.shape, np.uint8), bone)
    assert (labels[bone] == BONE).all()
    assert labels[10, 10, 10] == labels[4, 10, 10] == UNSURE_BONE
    assert labels[0, 0, 0] == 0


def test_a_patch_of_two_scans_keeps_apart_what_each_of_them_says() -> None:
    ones = torch.ones(16, 16, 16, dtype=torch.long)
    known = torch.ones(16, 16, 16, dtype=torch.bool)
    one = Patch(torch.zeros(1, 1, 16, 16, 16), ones, {LIVER: known})
    other = Patch(torch.ones(1, 1, 16, 16, 16), 3 * ones, {CORD: known})
    for seed in range(6):
        both = side_by_side(one, other, generator(seed))
        of_other = both.image[0, 0] == 1
        assert 0.2 < of_other.float().mean() < 0.8
        assert torch.equal(both.labels == 3, of_other)
        assert torch.equal(both.annotated[CORD], of_other)
        assert torch.equal(both.annotated[LIVER], ~of_other)


def body() -> torch.Tensor:
    image = torch.full((1, 1, 40, 40, 20), AIR)
    image[..., 10:30, 12:28, :] = 40.0
    image[..., 14:20, 16:24, :] = AIR
    return image


def test_arms_and_couches_lie_outside_and_metal_inside_of_the_body() -> None:
    inside = torch.zeros(40, 40, 20, dtype=torch.bool)
    inside[10:30, 12:28] = True
    for seed in range(8):
        for add in (with_arm, with_couch):
            changed = (add(body(), generator(seed)) != body())[0, 0]
            assert not changed[inside].any(), "neither in the body nor in air that it encloses"
        metal = (with_metal(body(), generator(seed)) >= 2900)[0, 0]
        assert metal.any()
        assert inside[metal].float().mean() > 0.5
    assert any((with_arm(body(), generator(seed)) > OUTSIDE).sum() > (body() > OUTSIDE).sum() for seed in range(8))


def test_lungs_are_found_on_their_sides_where_a_scan_ends_in_them() -> None:
    image = np.full((80, 60, 50), -1000.0)
    image[5:75, 5:55] = 30
    image[12:34, 15:45, :30] = image[46:68, 15:45, :30] = -850
    image[38:42, 28:32, :45] = -1000
    found = lungs_in_the_lowest_plane(image, 40.0)
    assert found.keys() == {LEFT_LUNG, RIGHT_LUNG}
    assert np.nonzero(found[RIGHT_LUNG])[0].min() >= 44, "x grows to the right"
    for lung in found.values():
        assert 0.9 < lung.sum() / (22 * 30 * 30) < 1.05, "without the windpipe"
    assert lungs_in_the_lowest_plane(image[..., 32:], 40.0) == {}


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Folder of a small model whose automatic branch uses half of its features, as shipped ones do."""
    torch.manual_seed(0)
    folder = tmp_path / "start"
    folder.mkdir()
    narrow, wide = (
        build_network(Vista3dConfiguration(width=8, features=n, blocks_down=(1, 1))).state_dict() for n in (NARROW, 32)
    )
    export(widened(narrow, wide), SMALL.as_dict(), folder)
    return folder


@pytest.fixture
def cases() -> list[Case]:
    """A CT with a bright liver, and one of which only the left lung is known."""
    labels = np.zeros((48, 48, 48), np.uint8)
    labels[12:36, 14:34, 10:30] = 1
    image = np.where(labels, 200, -60).astype(np.int16)
    lung = np.where(labels, LEFT_LUNG, 0).astype(np.uint8)
    return [
        Case("one", "labelled", image, labels, {LIVER: (0, 48)}),
        Case("two", "chests", np.where(labels, -800, 0).astype(np.int16), lung, {LEFT_LUNG: (0, 48)}),
    ]


def arguments(start: Path | None, output: Path, encoder_rate: float = 1.0) -> argparse.Namespace:
    return argparse.Namespace(
        start=start, output=output, encoder_rate=encoder_rate, minutes=1.0, rate=2e-3, seed=1, copy=None
    )


@pytest.fixture(autouse=True)
def _small_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_automatic, "VIEWS", {View(16, 1.5): 1.0})


def test_a_narrowed_network_is_what_was_widened(start: Path) -> None:
    wide = load_file(start / "model.safetensors")
    small = build_network(Vista3dConfiguration(width=8, features=NARROW, blocks_down=(1, 1))).state_dict()
    again = widened(narrowed(wide, small), wide)
    assert all(torch.equal(again[name], value) for name, value in wide.items())
    wide["class_head.mlp.3.bias"][-1] = 1.0
    with pytest.raises(ValueError, match="features"):
        narrowed(wide, small)


def test_the_branch_for_clicks_is_shipped_as_it_was(start: Path, cases: list[Case], tmp_path: Path) -> None:
    run = AutomaticRun(arguments(start, tmp_path / "run"), cases)
    for _ in range(3):
        run.advance()
    before, after = load_file(start / "model.safetensors"), run.weights()
    changed = {name for name in before if not torch.equal(before[name].float(), after[name].half().float())}
    assert not [name for name in changed if name.startswith(("point_head.", "image_encoder.up_layers."))]
    assert {name.split(".")[0] for name in changed} == {"image_encoder", "class_head"}
    assert any(name.startswith("image_encoder.encoder.") for name in changed)


def test_a_fixed_encoder_stays_as_it_was(start: Path, cases: list[Case], tmp_path: Path) -> None:
    run = AutomaticRun(arguments(start, tmp_path / "run", encoder_rate=0.0), cases)
    run.advance()
    before, after = load_file(start / "model.safetensors"), run.weights()
    assert all(
        torch.equal(value, after[name].half())
        for name, value in before.items()
        if name.startswith("image_encoder.encoder.")
    )


def test_a_run_learns_and_goes_on_where_it_stood(cases: list[Case], tmp_path: Path) -> None:
    run = AutomaticRun(arguments(None, tmp_path / "run"), cases)

    def loss_of_the_same_patches() -> float:
        run.generator.manual_seed(5)
        with torch.no_grad():
            return float(np.mean([float(run.loss()) for _ in range(4)]))

    before = loss_of_the_same_patches()
    for _ in range(12):
        run.advance()
    assert loss_of_the_same_patches() < 0.9 * before
    run.save()
    again = AutomaticRun(arguments(None, tmp_path / "run"), cases)
    assert again.step == run.step == 12
    assert all(torch.equal(value, again.weights()[name]) for name, value in run.weights().items())
    assert again.model.trained_classes == (LIVER,)


def test_long_structures_are_compared_where_they_were_drawn() -> None:
    labels = np.zeros((10, 8, 8), np.uint8)
    labels[3:6, 2:4, 2:4] = 2
    found = np.zeros_like(labels)
    found[:, 2:4, 2:4] = CORD
    names = {2: ("spinal cord", (CORD,)), 5: ("esophagus", (11,))}
    (inside,) = compared(found, labels, names, in_planes=True)
    (everywhere,) = compared(found, labels, names, in_planes=False)
    assert (inside.dice, everywhere.dice) == (1.0, pytest.approx(2 * 12 / 52, abs=1e-4))
    assert "| spinal cord | 1 | 1.00 | 0.0% |" in table({"a": [inside]})


def test_scraps_are_what_is_outside_the_largest_piece() -> None:
    mask = np.zeros((6, 6, 6), bool)
    mask[:3, :3, 0] = mask[5, 5, 5] = True
    assert scraps_of(mask) == pytest.approx(0.1)


def test_choosing_and_testing_share_no_patient_with_training() -> None:
    assert all(201 <= number <= 240 for number in evaluate_automatic.PATIENTS["validation"])
    assert all(number >= 241 for number in evaluate_automatic.PATIENTS["test"])


def test_the_labels_of_the_chest_are_those_that_clicks_are_measured_on() -> None:
    found = {label: name for label, (name, _) in evaluate_automatic.TAUGHT.items() if name != "bone"}
    assert found == evaluate_clicks.CHEST_NAMES
    names = {structure.id: structure.name for structure in catalog.structures()}
    for name, classes in (*evaluate_automatic.TAUGHT.values(), *evaluate_automatic.CONTOURED.values()):
        assert len(classes) > 1 or names[classes[0]] == name


def test_test_cases_are_read_once_for_each_file_of_weights(
    start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        evaluate_automatic, "measured", lambda *_: {"pt_241": [evaluate_automatic.Row("cord", 0.5, None)]}
    )
    command = ["", "test", "--model", str(start), "--data", str(tmp_path), "--log", str(tmp_path / "log")]
    monkeypatch.setattr("sys.argv", command)
    evaluate_automatic.main()
    assert json.loads((tmp_path / "log").read_text())["dice"] == {"pt_241": {"cord": 0.5}}
    with pytest.raises(SystemExit, match="before"):
        evaluate_automatic.main()


def test_without_contrast_medium_vessels_are_no_brighter_than_flesh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augmentation, "PLAIN", 1.0)
    labels = torch.zeros(1, 1, 20, 20, 20)
    labels[..., 5:15] = 6
    image = torch.where(labels > 0, 300.0, 55.0)
    for seed in range(5):
        found = shift_contrast(image, labels, generator(seed))
        assert 29 < found[..., 8:12].median() < 51
        assert found[..., 0].median() == 55
