"""The parts of the small SegVol's training whose failure nobody would see in a loss curve."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from cases import Case
from evaluate_segvol import FIRST_SEED
from hypothesis import given
from hypothesis import strategies as st
from segvol_attention import attend_by_place
from segvol_decoding import coarse_logits, coarse_masks
from segvol_prompts import (
    WHOLE_KINDS,
    WINDOW_KINDS,
    box_around,
    prompts_for,
    random_clicks,
    random_questions,
    voxel_beside,
)
from segvol_scans import label_table, random_scan
from segvol_views import NAMES, Scene, View, scene_of, whole_view, window_view
from torsos import IDS, random_torso
from train_segvol import CONFIGURATION, parameter_groups, untrained_network, views_loss
from training_structures import BONE, LEFT_LUNG, TUMOUR, UNSURE_BONE

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import SegVolNetwork, build_network
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.texts import category_names

SIZE = CONFIGURATION.image_size


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return scene_of(random_torso(np.random.default_rng(1)), SIZE)


@pytest.fixture(scope="module")
def start() -> SegVolNetwork:
    torch.manual_seed(0)
    return untrained_network(CONFIGURATION)


def test_texts_are_spelt_as_segvol_knows_them() -> None:
    assert set(NAMES) <= {*category_names(), "kidneys", "lungs"}
    assert set().union(*NAMES.values()) == set(IDS)


def test_an_untrained_decoder_looks_where_it_is_clicked(start: SegVolNetwork) -> None:
    """However differently prompts and image encode a place: of all tokens, the clicked one has the largest product."""
    encoder = start.prompt_encoder
    attention = start.mask_decoder.transformer.layers[0].cross_attn_token_to_image
    for token in ((0, 0, 0), (1, 6, 2), (3, 2, 7), (2, 5, 5)):
        voxel = torch.tensor([[[(t + 0.5) * p - 0.5 for t, p in zip(token, CONFIGURATION.patch_size, strict=True)]]])
        click = encoder(PromptBatch(points=voxel, labels=torch.ones(1, 1, dtype=torch.long)))[0, :1]
        products = (attention.q_proj(click) @ attention.k_proj(encoder.image_positions()[0]).T)[0]
        nearest = np.unravel_index(int(products.argmax()), CONFIGURATION.grid)
        assert np.abs(np.subtract(nearest, token)).max() <= 1


@pytest.mark.parametrize("image_size", [(8, 16, 48), (16, 64, 64)])
def test_both_decodings_agree(image_size: tuple[int, int, int]) -> None:
    torch.manual_seed(1)
    configuration = SegVolConfiguration(
        image_size=image_size, patch_size=(4, 8, 8), width=48, depth=1, heads=4, mlp=64, decoder_heads=4, text_width=32
    )
    network = build_network(configuration)
    embedding = torch.randn(1, 48, *configuration.grid)
    prompts = PromptBatch(texts=torch.randn(3, 48), boxes=torch.rand(3, 6) * 8)
    with torch.inference_mode():
        coarse = coarse_logits(network, embedding, prompts)
        expected = network.decode(embedding, prompts)
    found = functional.interpolate(coarse[:, None], image_size, mode="trilinear", align_corners=False)[:, 0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_coarse_masks_keep_the_volume() -> None:
    masks = torch.zeros(1, *SIZE)
    masks[:, 3:9, 10:31, 7:8] = 1
    coarse = coarse_masks(masks, torch.zeros(1, 16, 32, 32))
    assert float(coarse.sum()) * 4 == pytest.approx(float(masks.sum()))


def test_labels_lie_where_the_image_shows_them(scene: Scene) -> None:
    """Bone is the brightest there is, in the whole and in windows alike."""
    views = [whole_view(scene), *(window_view(scene, generator(seed)) for seed in range(12))]
    for view in views:
        bone = view.organ("bone")
        if bone.sum() > 100:
            assert view.image.shape[2:] == view.labels.shape == SIZE
            assert view.image[0, 0][bone].mean() > view.image[0, 0][~bone].mean() + 0.2


@given(st.integers(0, 10**6))
def test_prompts_are_true(seed: int) -> None:
    g = generator(seed)
    mask = torch.zeros(12, 20, 24, dtype=torch.bool)
    start = [int(torch.randint(n - 2, (), generator=g)) for n in mask.shape]
    mask[start[0] : start[0] + 5, start[1] : start[1] + 6, start[2] : start[2] + 9] = True
    clicks = random_clicks(mask, g)
    assert clicks[0][1] == 1
    assert all(bool(mask[tuple(at)]) == bool(label) for at, label in clicks)
    beside = voxel_beside(mask, g)
    assert beside is not None and not mask[tuple(beside)]
    first, last = mask.nonzero().amin(0), mask.nonzero().amax(0)
    box = box_around(mask, g)
    assert (box - torch.cat([first, last])).abs().max() <= 1
    assert (box[:3] <= box[3:]).all()


@pytest.mark.parametrize("kind", sorted({*WHOLE_KINDS, *WINDOW_KINDS}))
def test_prompts_belong_to_their_masks(scene: Scene, kind: tuple[str, ...]) -> None:
    view = whole_view(scene)
    questions = random_questions(view, "text" in kind, generator())
    embedded = {text: torch.full((4,), float(number)) for number, text in enumerate(NAMES)}
    prompts = prompts_for(questions, kind, embedded, generator())
    given_kinds = [prompts.points is not None, prompts.boxes is not None, prompts.texts is not None]
    assert given_kinds == ["point" in kind, "box" in kind, "text" in kind]
    for number, question in enumerate(questions):
        if prompts.points is not None and question.mask.any():
            assert question.mask[tuple(prompts.points[number, 0].long())]
        if prompts.texts is not None:
            assert list(NAMES)[int(prompts.texts[number, 0])] == question.text
            assert question.text is not None and torch.equal(question.mask, view.organ(question.text))


@pytest.fixture(scope="module")
def case() -> Case:
    """A CT with a bright liver to the right and a structure without a name to the left; and no stomach."""
    labels = np.zeros((60, 50, 40), np.uint8)
    labels[34:50, 15:35, 8:30], labels[10:20, 20:30, 10:25] = 1, TUMOUR
    image = np.where(labels == 1, 160, np.where(labels == TUMOUR, 60, -40)).astype(np.int16)
    return Case("one", "labelled", image, labels, {1: (0, 40), TUMOUR: (0, 40), 12: (0, 40), 121: (4, 40)})


def test_a_scan_of_a_ct_keeps_right_and_left(case: Case) -> None:
    turned = 0
    for seed in range(8):
        scan = random_scan(case, generator(seed))
        liver, tumour = (
            scan.volume.index_to_ras(np.argwhere(scan.labels == label)[:, ::-1]).mean(axis=0)
            for label in (IDS["liver"], scan.labels.max())
        )
        assert liver[0] > tumour[0] + 20, "the liver is on the right"
        turned += scan.volume.ijk_to_ras[0, 0] < 0
    assert 0 < turned < 8


def test_nobody_is_asked_for_organs_that_nobody_looked_for(case: Case) -> None:
    scan = random_scan(case, generator())
    assert scan.looked_for == {"liver", "stomach"}
    view = whole_view(scene_of(scan, SIZE))
    assert set(view.texts(there=False)) == {"stomach"}
    texts = {question.text for seed in range(20) for question in random_questions(view, True, generator(seed))}
    assert texts <= {"liver", "stomach"}
    assert len(view.objects()) == 2, "what has no name is an object"


def test_what_nobody_is_sure_of_is_no_object() -> None:
    table = label_table()
    assert not table[[0, BONE, UNSURE_BONE]].any()
    assert table[LEFT_LUNG] == table[28] == IDS["left lung"]
    bodies = [int(label) for label in table if label >= 100]
    assert len(bodies) == len(set(bodies))


def test_training_lowers_the_loss(scene: Scene) -> None:
    torch.manual_seed(0)
    network = untrained_network(CONFIGURATION)
    optimizer = torch.optim.AdamW(parameter_groups(network), lr=2e-3)
    views: list[View] = [whole_view(scene)]
    losses = []
    for _ in range(10):
        loss = views_loss(network, views, generator())
        assert loss is not None
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def test_words_that_no_name_has_mean_nothing(start: SegVolNetwork) -> None:
    embedding = start.text_encoder.clip_text_model["text_model"].embeddings.token_embedding.weight
    known = embedding.abs().sum(1) > 0
    assert 20 < int(known.sum()) < 60
    assert bool(known[49406]) and bool(known[49407])


def test_held_out_torsos_are_beyond_the_seeds_of_training() -> None:
    assert int(torch.randint(2**31, (10**5,), generator=generator()).max()) < FIRST_SEED


def test_starting_by_place_needs_no_particular_size() -> None:
    configuration = SegVolConfiguration(
        image_size=(8, 16, 48), patch_size=(4, 4, 8), width=96, depth=1, heads=4, mlp=64, decoder_heads=4, text_width=32
    )
    network = build_network(configuration)
    attend_by_place(network)
    assert all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())


def test_a_run_goes_on_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import train_segvol

    monkeypatch.setattr(train_segvol, "SCENES", 2)
    arguments = argparse.Namespace(output=tmp_path, minutes=1.0, rate=1e-3, seed=1, copy=None, cache=None, start=None)
    run = train_segvol.SegVolRun(arguments)
    run.advance()
    run.save()
    again = train_segvol.SegVolRun(arguments)
    assert again.step == 1
    for name, value in run.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
        torch.testing.assert_close(again.average.state[name], run.average.state[name])
