from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import SegVolNetwork, build_network
from vistaseg.models.segvol.prompt_encoder import PromptBatch

KINDS = ["points", "boxes", "texts", "points and texts", "boxes and texts", "points and boxes"]


def prompts_of(kinds: str, n: int, configuration: SegVolConfiguration) -> PromptBatch:
    random = torch.Generator().manual_seed(5)
    size = torch.tensor(configuration.image_size)
    corners = torch.rand(n, 2, 3, generator=random).sort(dim=1).values * (size - 1)
    made = {
        "points": torch.rand(n, 4, 3, generator=random) * (size - 1),
        "labels": torch.tensor([[1, 0, 1, -1]]).expand(n, -1),
        "boxes": corners.flatten(1).round(),
        "texts": torch.randn(n, configuration.width, generator=random),
    }
    return PromptBatch(
        **{key: value for key, value in made.items() if key in kinds or (key == "labels" and "points" in kinds)}
    )


def only(prompts: PromptBatch, i: int) -> PromptBatch:
    given = {key: value[i : i + 1] for key, value in vars(prompts).items() if value is not None}
    return PromptBatch(**given)


def softmax_attention(queries: Tensor, keys: Tensor, values: Tensor, scale: float | None = None) -> Tensor:
    """Attention as its formula says."""
    scores = queries @ keys.transpose(-1, -2) * (scale or queries.shape[-1] ** -0.5)
    return scores.softmax(dim=-1) @ values


@pytest.fixture(scope="module")
def image(small: SegVolConfiguration) -> Tensor:
    return torch.rand(1, 1, *small.image_size, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def embedding(network: SegVolNetwork, image: Tensor) -> Tensor:
    return network.embed(image)


@pytest.fixture(scope="module")
def alone(small: SegVolConfiguration) -> SegVolNetwork:
    """Without attention between patches, so that what changes in one patch changes one place of the embedding."""
    torch.manual_seed(0)
    return build_network(replace(small, depth=0)).requires_grad_(False)


def test_the_full_size_network_has_the_published_inventory():
    with torch.device("meta"):
        network = build_network(SegVolConfiguration())
    tensors, values = Counter[str](), Counter[str]()
    for name, tensor in network.state_dict().items():
        part = name.split(".")[0]
        tensors[part] += 1
        values[part] += tensor.numel()
    assert tensors == {"image_encoder": 137, "mask_decoder": 122, "prompt_encoder": 17, "text_encoder": 198}
    assert values == {
        "image_encoder": 87_388_416,
        "mask_decoder": 29_923_716,
        "prompt_encoder": 19_148,
        "text_encoder": 63_560_013 - 77,
    }
    assert not network.training


def test_an_image_becomes_one_vector_a_patch(embedding, small):
    assert embedding.shape == (1, small.width, 2, 4, 6) and small.grid == (2, 4, 6)


def test_published_attention_gives_the_same_embedding(network, image, embedding):
    published = copy.deepcopy(network)
    for block in published.image_encoder.blocks:
        assert block.attn.use_flash_attention
        block.attn.use_flash_attention = False
    torch.testing.assert_close(published.embed(image), embedding, atol=1e-5, rtol=0)


@given(place=st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 5)))
def test_a_patch_is_embedded_at_its_own_place(alone, small, image, place):
    changed = image.clone()
    changed[(0, 0, *(slice(p * n, (p + 1) * n) for p, n in zip(place, small.patch_size, strict=True)))] += 1
    difference = (alone.embed(changed) - alone.embed(image)).abs().amax(dim=(0, 1))
    assert difference.nonzero().tolist() == [list(place)]


@pytest.mark.parametrize("kinds", KINDS)
def test_many_prompts_at_once_are_answered_as_one_by_one(kinds, network, small, embedding):
    prompts = prompts_of(kinds, 3, small)
    together = network.decode(embedding, prompts)
    assert together.shape == (3, *small.image_size)
    alone = torch.cat([network.decode(embedding, only(prompts, i)) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert (alone[0] - alone[1]).abs().max() > 1e-3


@pytest.mark.parametrize("kinds", KINDS)
def test_attention_is_that_of_the_formula(kinds, network, small, embedding, monkeypatch):
    prompts = prompts_of(kinds, 2, small)
    ours = network.decode(embedding, prompts)
    monkeypatch.setattr(F, "scaled_dot_product_attention", softmax_attention)
    torch.testing.assert_close(network.decode(embedding, prompts), ours, atol=1e-5, rtol=0)


def test_points_without_labels_are_refused():
    with pytest.raises(ValueError, match="labels"):
        PromptBatch(points=torch.zeros(1, 1, 3))


def test_a_configuration_survives_its_file(tmp_path: Path, small: SegVolConfiguration):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(small.as_dict()))
    assert SegVolConfiguration.read(path) == small


@pytest.mark.parametrize(
    "text", ["[]", '{"width": "48"}', '{"image_size": [32, 256]}', '{"name": null}', '{"depth": 1.5}']
)
def test_a_configuration_of_other_types_is_refused(tmp_path: Path, text: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="no settings|cannot be"):
        SegVolConfiguration.read(tmp_path / "config.json")
