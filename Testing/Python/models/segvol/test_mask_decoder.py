"""The mask decoder against MONAI's two-way transformer, which is that of Segment Anything, and its formula."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.vista3d import MLP
from monai.networks.nets.vista3d import TwoWayTransformer as MonaiTransformer
from torch import Tensor, nn

from vistaseg.models.segvol.mask_decoder import MaskDecoder

PROMPTS, TOKENS = 3, 5


def monais(decoder: MaskDecoder) -> nn.Module:
    """MONAI's transformer with the weights of ours."""
    theirs = MonaiTransformer(depth=2, embedding_dim=48, num_heads=8, mlp_dim=64)
    state = decoder.transformer.state_dict()
    theirs.load_state_dict({name.replace(".lin", ".linear"): tensor for name, tensor in state.items()})
    return theirs.requires_grad_(False)


def in_space(tokens: Tensor) -> Tensor:
    """(N, 48, width) → (N, width, 2, 4, 6)."""
    return tokens.transpose(1, 2).reshape(len(tokens), -1, 2, 4, 6)


@pytest.fixture
def decoder(network) -> MaskDecoder:
    return network.mask_decoder


@pytest.fixture(scope="module")
def given_to_it() -> tuple[Tensor, Tensor, Tensor]:
    """Image and positions (1, 48, width), prompts (N, T, width)."""
    torch.manual_seed(6)
    return torch.randn(1, 48, 48), torch.randn(1, 48, 48), torch.randn(PROMPTS, TOKENS, 48)


def test_the_transformer_is_monais_although_the_image_is_not_copied(decoder, given_to_it):
    image, positions, prompts = given_to_it
    tokens, images = decoder.transformer(image, positions, prompts)
    copies = (in_space(x).expand(PROMPTS, -1, -1, -1, -1) for x in (image, positions))
    expected_tokens, expected_images = monais(decoder)(*copies, prompts)
    torch.testing.assert_close(tokens, expected_tokens, atol=1e-5, rtol=0)
    torch.testing.assert_close(images, expected_images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("with_text", [True, False])
def test_masks_are_products_of_features_with_the_first_masks_kernel_and_the_text(decoder, given_to_it, with_text):
    image, positions, prompts = given_to_it
    texts = torch.randn(PROMPTS, 48) if with_text else None
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(PROMPTS, -1, -1)
    tokens, images = monais(decoder)(
        in_space(image).expand(PROMPTS, -1, -1, -1, -1),
        in_space(positions).expand(PROMPTS, -1, -1, -1, -1),
        torch.cat([own, prompts], dim=1),
    )
    features = decoder.output_upscaling(in_space(images))
    hypernetwork = MLP(48, 48, 6, 3)
    hypernetwork.load_state_dict(decoder.output_hypernetworks_mlps[0].state_dict())
    expected = torch.einsum("nc,ncdhw->ndhw", hypernetwork(tokens[:, 1]), features)
    if texts is not None:
        expected += torch.einsum("nc,ncdhw->ndhw", decoder.txt_align_upscaled_embedding(texts), features)
    found = decoder(image, positions, prompts, texts)
    assert found.shape == (PROMPTS, 8, 16, 24)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
