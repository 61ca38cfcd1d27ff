"""The parts of the training of clicks whose failure nobody would see in a loss curve."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import evaluate_clicks
import numpy as np
import pytest
import SimpleITK
import torch
import train_clicks
from augmentation import Patch
from case_cache import openkbp_cases, openkbp_labels, read_cache, sts_cases, write_cases
from cases import SMALLEST, Case
from evaluate_clicks import PATIENTS, require_unread, scans, table
from point_decoding import Frame, decode, positions
from resumable import PAUSE, export
from safetensors.torch import load_file
from simulated_user import SimulatedUser
from train_clicks import SPECIAL, ClicksRun, choose_objects, random_frame, start_from
from training_structures import BONE, BRAINSTEM, LEFT_LUNG, RIGHT_PAROTID, TUMOUR, UNIONS, UNSURE_BONE

from vistaseg import catalog
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget, logits, reduce

SMALL = Vista3dConfiguration(
    name="small", width=8, features=32, blocks_down=(1, 1), spacing=(3.0, 3.0, 3.0), window=(64, 64, 64)
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ball(side: int, centre: tuple[int, int, int], radius: float) -> np.ndarray:
    places = np.stack(np.meshgrid(*(np.arange(side),) * 3, indexing="ij"), axis=-1)
    found: np.ndarray = ((places - centre) ** 2).sum(axis=-1) < radius**2
    return found


@pytest.fixture(autouse=True)
def _small_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_clicks, "SIDES", {24: 1.0})


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """Folder of a small untrained model."""
    torch.manual_seed(0)
    folder = tmp_path / "start"
    folder.mkdir()
    export(build_network(SMALL).state_dict(), SMALL.as_dict(), folder)
    return folder


@pytest.fixture
def cases() -> list[Case]:
    """Two CTs of a bright tumour."""
    mask = ball(72, (40, 36, 30), 9)
    image = np.where(mask, 300, -50).astype(np.int16)
    return [Case(f"STS_{n}", "sts", image, TUMOUR * mask.astype(np.uint8), {TUMOUR: (0, 72)}) for n in (1, 2)]


def arguments(start: Path, output: Path, **others: object) -> argparse.Namespace:
    values = {"start": start, "output": output, "minutes": 1.0, "rate": 1e-3, "seed": 1, "copy": None}
    return argparse.Namespace(**{**values, **others})


@pytest.mark.parametrize("target", [ClickTarget(supported=False), ClickTarget(supported=True, special=True)])
def test_training_decodes_as_the_software_does(target: ClickTarget) -> None:
    torch.manual_seed(0)
    head = build_network(SMALL).point_head
    reduced, clicks = (
        reduce(head, torch.randn(1, 32, 16, 12, 20)),
        [VoxelClick((3, 4, 15), True), VoxelClick((9, 2, 6), False)],
    )
    frame = Frame((16, 12, 20), (0, 0, 0))
    with torch.inference_mode():
        found = decode(head, reduced, positions(head, reduced.shape[2:], frame), clicks, target, frame)
        expected = logits(head, reduced, frame.window, clicks, target)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_patch_has_the_positions_of_its_place_in_the_window() -> None:
    head = build_network(SMALL).point_head
    whole = positions(head, (32, 32, 32), Frame((64, 64, 64), (0, 0, 0)))
    part = positions(head, (20, 20, 20), Frame((64, 64, 64), (6, 0, 24)))
    torch.testing.assert_close(part, whole[:, :, 3:23, 0:20, 12:32])
    assert all(n % 2 == 0 and 0 <= n <= 16 for s in range(20) for n in random_frame(48, 64, generator(s)).start)


def test_a_careful_user_clicks_in_the_middle_and_then_mends_the_larger_error() -> None:
    truth = ball(32, (10, 16, 20), 7)
    user = SimulatedUser(truth, 0.0, generator())
    assert user.click()
    assert (user.clicks[0].positive, np.abs(np.subtract(user.clicks[0].index, (10, 16, 20))).max() <= 1) == (True, True)
    user.see(truth | ball(32, (10, 16, 8), 6))
    assert user.click()
    assert not user.clicks[1].positive
    assert user.clicks[1].index[2] < 13
    user.see(truth)
    assert np.array_equal(user.answer, truth)
    assert not user.click()


def test_what_no_click_touches_is_not_taken_over() -> None:
    truth = ball(32, (8, 8, 8), 4)
    user = SimulatedUser(truth, 0.0, generator())
    user.click()
    user.see(truth | ball(32, (24, 24, 24), 4))
    assert np.array_equal(user.answer, truth)


def test_a_careless_user_still_clicks_on_an_error() -> None:
    truth = ball(32, (12, 16, 20), 6)
    for seed in range(10):
        user = SimulatedUser(truth, 1.0, generator(seed))
        user.click()
        user.see(ball(32, (16, 16, 20), 6))
        user.click()
        assert all(bool(truth[click.index]) == click.positive for click in user.clicks)
        assert user.answer[user.clicks[1].index] != truth[user.clicks[1].index]


def test_structures_without_a_class_are_clicked_on_as_such() -> None:
    labels = torch.zeros(24, 24, 24, dtype=torch.long)
    labels[2:8], labels[10:12], labels[12:16], labels[20:, :2, :2] = BRAINSTEM, 28, 29, TUMOUR
    labels[17], labels[18] = BONE, UNSURE_BONE
    patch = Patch(torch.zeros(1, 1, 24, 24, 24), labels, {})
    objects = [thing for seed in range(60) for thing in choose_objects(patch, generator(seed))]
    lung = torch.isin(labels, torch.tensor(UNIONS[LEFT_LUNG])).numpy()
    for value, targets in ((BRAINSTEM, {False}), (28, {False, True}), (29, {False, True})):
        own = [thing for thing in objects if np.array_equal(thing.mask, (labels == value).numpy())]
        assert {thing.target.supported for thing in own} == targets
    unions = [thing for thing in objects if np.array_equal(thing.mask, lung)]
    assert unions
    assert not any(thing.target.supported for thing in unions)
    assert all(thing.mask.sum() >= SMALLEST for thing in objects), "the tumour has 16 voxels"
    assert not any(thing.mask[17:19].any() for thing in objects), "all the bone of a scan is nothing to click on"


def test_special_classes_are_sent_as_such() -> None:
    special = min(SPECIAL)
    labels = torch.full((8, 8, 8), special)
    patch = Patch(torch.zeros(1, 1, 8, 8, 8), labels, {})
    targets = {choose_objects(patch, generator(seed))[0].target for seed in range(30)}
    assert targets == {ClickTarget(supported=False), ClickTarget(supported=True, special=True)}


def test_only_the_branch_for_clicks_learns(start: Path, cases: list[Case], tmp_path: Path) -> None:
    run = ClicksRun(arguments(start, tmp_path / "run"), cases)
    for _ in range(4):
        run.advance()
    run.save()
    export(run.average.state, run.configuration, run.output)
    before, after = load_file(start / "model.safetensors"), load_file(run.output / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[0] + "." + name.split(".")[1] for name in changed} >= {"image_encoder.up_layers"}
    assert all(name.startswith(("image_encoder.up_layers.", "point_head.")) for name in changed)


def test_a_model_of_the_automatic_branch_alone_gets_a_branch_for_clicks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    narrow = replace(SMALL, features=16)
    export(build_network(narrow).state_dict(), narrow.as_dict(), tmp_path)
    network, configuration = start_from(tmp_path)
    assert configuration == SMALL
    assert network.point_head.mask_tokens.embedding_dim == 32


def test_clicks_are_learned(start: Path, cases: list[Case], tmp_path: Path) -> None:
    run = ClicksRun(arguments(start, tmp_path / "run", rate=5e-3, minutes=0.5), cases)

    def loss_of_the_same_patches() -> float:
        run.generator.manual_seed(5)
        with torch.no_grad():
            return float(np.mean([float(run.loss()) for _ in range(3)]))

    before = loss_of_the_same_patches()
    for _ in range(15):
        run.advance()
    assert loss_of_the_same_patches() < 0.9 * before


def test_a_run_goes_on_where_it_stood(start: Path, cases: list[Case], tmp_path: Path) -> None:
    """Two steps at once, and one step, an end, and another one, lead to the same weights."""
    together = ClicksRun(arguments(start, tmp_path / "together"), cases)
    for _ in range(2):
        together.advance()
    copy = tmp_path / "copy.pt"
    for _ in range(2):
        apart = ClicksRun(arguments(start, tmp_path / "apart", copy=copy), cases)
        apart.seconds = 0.0  # the schedule follows the clock
        apart.advance()
        apart.seconds = 0.0
        apart.save()
    assert apart.step == together.step == 2
    expected = together.network.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in apart.network.state_dict().items())
    assert copy.read_bytes() == apart.state_path.read_bytes()


@pytest.fixture
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_run_waits_while_it_is_paused_and_ends_when_it_is_asked_to(
    start: Path, cases: list[Case], tmp_path: Path
) -> None:
    run = ClicksRun(arguments(start, tmp_path / "run", minutes=1000.0), cases)
    pause = tmp_path / PAUSE
    pause.touch()
    seen: list[int] = []

    def operate() -> None:
        while "waiting" not in (tmp_path / "run/log.txt").read_text():
            time.sleep(0.02)
        seen.append(run.step)
        pause.unlink()
        while run.step < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    run.log("start")
    operator = threading.Thread(target=operate)
    operator.start()
    run.train()
    operator.join()
    assert seen == [0]
    assert (run.output / "model.safetensors").exists()
    assert torch.load(run.state_path, weights_only=True)["step"] == run.step >= 2
    assert str(run.state_path.resolve()) in (run.output / "log.txt").read_text()


def test_cases_come_back_from_the_cache(cases: list[Case], tmp_path: Path) -> None:
    write_cases(tmp_path, iter(cases))
    again = read_cache(tmp_path)
    assert [(case.source, case.name) for case in again] == [("sts", "STS_1"), ("sts", "STS_2")]
    assert np.array_equal(again[0].image, cases[0].image)
    assert np.array_equal(again[1].labels, cases[1].labels)
    assert again[1].annotated == {TUMOUR: (0, 72)}
    assert len(again[0].places[TUMOUR]) == min(2000, np.count_nonzero(cases[0].labels))


def test_manual_contours_lie_where_the_patient_has_them(shared_data: Callable[[str], Path]) -> None:
    (case,) = openkbp_cases(shared_data("openkbp"), 1, 1, 3.0)
    places = {structure: voxels.float().mean(0) for structure, voxels in case.places.items()}
    assert places[RIGHT_PAROTID][0] > places[RIGHT_PAROTID + 1][0], "x grows to the right"
    assert places[BRAINSTEM][2] > places[121][2], "z grows to the head"
    first_plane, last_plane = case.annotated[121]
    assert 0 <= first_plane < last_plane < case.labels.shape[2], "above and below, the cord goes on"
    assert case.annotated[1] == (0, case.labels.shape[2]), "no liver is in a head"
    raw = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(shared_data("openkbp/pt_1_lab.nii.gz"))))
    expected = np.count_nonzero(raw == 1) * 3.91 * 3.91 * 2.5
    assert np.count_nonzero(case.labels == BRAINSTEM) * 27 == pytest.approx(expected, rel=0.1)
    (first, *_) = sts_cases(shared_data("sts"), "train", 3.0)
    assert first.places.keys() == {TUMOUR}
    assert 1 in first.annotated
    assert 93 not in first.annotated, "of the femur nobody said anything"


def test_bad_labels_are_left_out() -> None:
    assert set(openkbp_labels(1)) == {1, 2, 3, 4, 5, 7}
    assert set(openkbp_labels(55)) == {1, 3, 4, 5, 7}
    assert not openkbp_labels(260)


def test_training_choosing_and_testing_share_no_patient(shared_data: Callable[[str], Path]) -> None:
    data = shared_data("openkbp").parent
    chosen, tested = ({scan.name for scan in scans(kind, data)} for kind in ("validation", "test"))
    index = json.loads(shared_data("sts/index.json").read_text())
    trained = {f"pt_{n}" for n in range(1, 201)} | {n for n, entry in index.items() if entry["split"] == "train"}
    assert not trained & chosen
    assert not (trained | chosen) & tested
    assert all(int(name.removeprefix("pt_")) >= 241 for name in tested)
    assert PATIENTS["test"].last == 340


def test_names_of_the_manual_contours_are_those_of_the_catalogue() -> None:
    names = {structure.name: structure.id for structure in catalog.structures()}
    labels = openkbp_labels(1)
    assert {label: names.get(evaluate_clicks.OPENKBP_NAMES[label]) for label in labels} == {
        label: structure if structure < BRAINSTEM else None for label, structure in labels.items()
    }


def test_the_test_set_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    require_unread(log, "a")
    log.write_text('{"set": "validation", "weights": "a"}\n{"set": "test", "weights": "b"}\n')
    require_unread(log, "a")
    with pytest.raises(SystemExit, match="before"):
        require_unread(log, "b")


def test_the_table_is_the_mean_over_scans() -> None:
    rows = {"one": {"tumour": [0.2, 0.4]}, "two": {"tumour": [0.4, 0.8], "cord": [0.1, 0.1]}}
    assert table(rows).splitlines()[2:] == ["| cord | 1 | 0.10 | 0.10 |", "| tumour | 2 | 0.30 | 0.60 |"]
