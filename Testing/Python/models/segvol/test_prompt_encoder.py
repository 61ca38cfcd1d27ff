"""The prompt encoder against formulas worked by hand; the position encoding also against MONAI's, which is SAM's."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.networks.nets.vista3d import PositionEmbeddingRandom
from torch import Tensor

from vistaseg.models.segvol.prompt_encoder import PositionEncoding, PromptBatch, PromptEncoder

SIZE = (8, 16, 48)

voxels = st.tuples(*(st.integers(0, n - 1) for n in SIZE))


@pytest.fixture(scope="module")
def encoder(network) -> PromptEncoder:
    return network.prompt_encoder


@pytest.fixture(scope="module")
def encode(encoder):
    """Encoding of voxel (d, h, w), worked by hand: each coordinate over the size that the weights know it by."""

    def by_hand(place: tuple[int, ...]) -> Tensor:
        d, h, w = place
        shares = torch.tensor([(d + 0.5) / 16, (h + 0.5) / 8, (w + 0.5) / 48])
        phases = (2 * shares - 1) @ encoder.pe_layer.positional_encoding_gaussian_matrix * 2 * math.pi
        return torch.cat([torch.sin(phases), torch.cos(phases)])

    return by_hand


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@given(place=voxels)
def test_sparse_places_are_divided_by_the_sizes_of_the_other_axes(place):
    """The odd place of the published code: (d, h, w) over (H, D, W), whose first two sizes are exchanged."""
    encoder = PromptEncoder(_configuration())
    for axis, size in enumerate((16, 8, 48)):
        encoder.pe_layer = _seeing_only(axis)
        token = encoder(PromptBatch(boxes=torch.tensor([[*place, *place]]).float()))[0, 0]
        sine = token[0] - encoder.point_embeddings[2].weight[0, 0]
        expected = math.sin(2 * math.pi * (2 * (place[axis] + 0.5) / size - 1))
        assert sine.item() == pytest.approx(expected, abs=1e-4)


@given(place=st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 5)))
def test_dense_places_are_true_shares_in_the_order_h_d_w(place):
    """The other half of the odd place: the image's tokens are encoded along (h, d, w), each axis by its own size."""
    encoder = PromptEncoder(_configuration())
    d, h, w = place
    for axis, share in enumerate(((h + 0.5) / 4, (d + 0.5) / 2, (w + 0.5) / 6)):
        encoder.pe_layer = _seeing_only(axis)
        sine = encoder.image_positions().reshape(2, 4, 6, -1)[place][0]
        assert sine.item() == pytest.approx(math.sin(2 * math.pi * (2 * share - 1)), abs=1e-5)


def test_a_sparse_and_a_dense_place_that_are_the_same_are_encoded_apart(encoder):
    """Nobody may mend the odd place by accident: were it mended, the published weights would be misread."""
    # The middle of the image, in voxels and in tokens of it.
    sparse = (
        encoder(PromptBatch(boxes=torch.tensor([[3.5, 7.5, 23.5] * 2])))[0, 0] - encoder.point_embeddings[2].weight[0]
    )
    middle = encoder.pe_layer(torch.full((3,), 0.5))
    assert (sparse - middle).abs().max() > 0.1


def _configuration():
    from vistaseg.models.segvol.configuration import SegVolConfiguration

    return SegVolConfiguration(image_size=SIZE, patch_size=(4, 4, 8), width=48, heads=4)


def _seeing_only(axis: int) -> PositionEncoding:
    """An encoding whose first channel is the sine of one coordinate."""
    encoding = PositionEncoding(48)
    encoding.positional_encoding_gaussian_matrix.zero_()
    encoding.positional_encoding_gaussian_matrix[axis, 0] = 1
    return encoding.requires_grad_(False)


def test_the_encoding_is_monais():
    torch.manual_seed(0)
    theirs = PositionEmbeddingRandom(24)
    ours = PositionEncoding(48)
    ours.load_state_dict(theirs.state_dict())
    points = torch.rand(2, 5, 3) * torch.tensor(SIZE)
    close(ours(points / torch.tensor(SIZE)), theirs.forward_with_coords(points, SIZE))


def test_dense_positions_are_monais_with_two_axes_exchanged(encoder):
    theirs = PositionEmbeddingRandom(24)
    theirs.load_state_dict(encoder.pe_layer.state_dict())
    exchanged = theirs((4, 2, 6)).transpose(1, 2)
    close(encoder.image_positions()[0].T.reshape(48, 2, 4, 6), exchanged)


@given(first=voxels, second=voxels)
def test_points_are_encoded_with_their_kind_and_one_point_of_padding_follows(encoder, encode, first, second):
    points = torch.tensor([[first, second]]).float()
    tokens = encoder(PromptBatch(points=points, labels=torch.tensor([[1, 0]])))[0]
    negative, positive = (encoder.point_embeddings[i].weight[0] for i in (0, 1))
    close(
        tokens, torch.stack([encode(first) + positive, encode(second) + negative, encoder.not_a_point_embed.weight[0]])
    )


@given(place=voxels)
def test_a_point_of_padding_stands_nowhere(encoder, place):
    tokens = encoder(PromptBatch(points=torch.tensor([[place]]).float(), labels=torch.tensor([[-1]])))[0]
    assert torch.equal(tokens, encoder.not_a_point_embed.weight.expand(2, -1))


@given(first=voxels, last=voxels)
def test_a_box_is_its_two_corners(encoder, encode, first, last):
    tokens = encoder(PromptBatch(boxes=torch.tensor([[*first, *last]]).float()))[0]
    corners = (encoder.point_embeddings[i].weight[0] for i in (2, 3))
    close(tokens, torch.stack([encode(place) + corner for place, corner in zip((first, last), corners, strict=True)]))


def test_points_come_first_then_the_box_without_padding_then_the_text(encoder):
    points, labels = torch.ones(2, 3, 3), torch.ones(2, 3)
    boxes, texts = torch.arange(12.0).reshape(2, 6), torch.rand(2, 48)
    tokens = encoder(PromptBatch(points, labels, boxes, texts))
    assert tokens.shape == (2, 3 + 2 + 1, 48)
    assert torch.equal(tokens[:, :3], encoder(PromptBatch(points, labels))[:, :3])
    assert torch.equal(tokens[:, 3:5], encoder(PromptBatch(boxes=boxes)))
    assert torch.equal(tokens[:, 5], texts)
