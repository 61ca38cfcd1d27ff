"""Names and shapes of the 474 tensors of the published SegVol weights, as a file is checked against.

Written out by part and not read off a network, since this room knows no model.
"""

from __future__ import annotations

from collections.abc import Iterator

Tensors = Iterator[tuple[str, tuple[int, ...]]]

WIDTH, TEXT_WIDTH = 768, 512
_LAYERS = 12


def segvol_shapes() -> dict[str, tuple[int, ...]]:
    """Shape by name of every tensor that is loaded: 180,891,216 values."""
    parts = {
        "image_encoder": _image_encoder(),
        "prompt_encoder": _prompt_encoder(),
        "mask_decoder": _mask_decoder(),
        "text_encoder": _text_encoder(),
    }
    return {f"{part}.{name}": shape for part, tensors in parts.items() for name, shape in tensors}


def _image_encoder() -> Tensors:
    yield "patch_embedding.position_embeddings", (1, 2048, WIDTH)
    yield from _linear("patch_embedding.patch_embeddings.1", 1024, WIDTH)
    for block in (f"blocks.{i}" for i in range(_LAYERS)):
        yield f"{block}.attn.qkv.weight", (3 * WIDTH, WIDTH)
        yield from _linear(f"{block}.attn.out_proj", WIDTH, WIDTH)
        yield from _linear(f"{block}.mlp.linear1", WIDTH, 3072)
        yield from _linear(f"{block}.mlp.linear2", 3072, WIDTH)
        yield from _norm(f"{block}.norm1", WIDTH)
        yield from _norm(f"{block}.norm2", WIDTH)
    yield from _norm("norm", WIDTH)


def _prompt_encoder() -> Tensors:
    yield "pe_layer.positional_encoding_gaussian_matrix", (3, WIDTH // 2)
    for name in (*(f"point_embeddings.{i}" for i in range(4)), "not_a_point_embed", "no_mask_embed"):
        yield f"{name}.weight", (1, WIDTH)
    yield from _weight_and_bias("mask_downscaling.0", (4, 1, 2, 2), 4)
    yield from _norm("mask_downscaling.1", 4)
    yield from _weight_and_bias("mask_downscaling.3", (16, 4, 2, 2), 16)
    yield from _norm("mask_downscaling.4", 16)
    yield from _weight_and_bias("mask_downscaling.6", (WIDTH, 16, 1, 1), WIDTH)


def _mask_decoder() -> Tensors:
    yield "iou_token.weight", (1, WIDTH)
    yield "mask_tokens.weight", (4, WIDTH)
    for layer in ("transformer.layers.0", "transformer.layers.1"):
        yield from _two_way_layer(layer)
    yield from _attention("transformer.final_attn_token_to_image", WIDTH, WIDTH // 2)
    yield from _norm("transformer.norm_final_attn", WIDTH)
    yield from _weight_and_bias("output_upscaling.0", (WIDTH, WIDTH // 4, 2, 2, 2), WIDTH // 4)
    yield from _norm("output_upscaling.1", WIDTH // 4, 16, 32, 32)
    yield from _weight_and_bias("output_upscaling.3", (WIDTH // 4, WIDTH // 8, 2, 2, 2), WIDTH // 8)
    for mask in range(4):
        yield from _perceptron(f"output_hypernetworks_mlps.{mask}.layers", WIDTH, WIDTH // 8)
    yield from _perceptron("iou_prediction_head.layers", 256, 4)
    yield from _linear("txt_align_upscaled_embedding", WIDTH, WIDTH // 8)


def _two_way_layer(layer: str) -> Tensors:
    yield from _attention(f"{layer}.self_attn", WIDTH, WIDTH)
    yield from _attention(f"{layer}.cross_attn_token_to_image", WIDTH, WIDTH // 2)
    yield from _attention(f"{layer}.cross_attn_image_to_token", WIDTH, WIDTH // 2)
    yield from _linear(f"{layer}.mlp.lin1", WIDTH, 2048)
    yield from _linear(f"{layer}.mlp.lin2", 2048, WIDTH)
    for norm in range(1, 5):
        yield from _norm(f"{layer}.norm{norm}", WIDTH)


def _text_encoder() -> Tensors:
    tower = "clip_text_model.text_model"
    yield f"{tower}.embeddings.token_embedding.weight", (49408, TEXT_WIDTH)
    yield f"{tower}.embeddings.position_embedding.weight", (77, TEXT_WIDTH)
    for layer in (f"{tower}.encoder.layers.{i}" for i in range(_LAYERS)):
        yield from _attention(f"{layer}.self_attn", TEXT_WIDTH, TEXT_WIDTH)
        yield from _linear(f"{layer}.mlp.fc1", TEXT_WIDTH, 2048)
        yield from _linear(f"{layer}.mlp.fc2", 2048, TEXT_WIDTH)
        yield from _norm(f"{layer}.layer_norm1", TEXT_WIDTH)
        yield from _norm(f"{layer}.layer_norm2", TEXT_WIDTH)
    yield from _norm(f"{tower}.final_layer_norm", TEXT_WIDTH)
    yield from _linear("dim_align", TEXT_WIDTH, WIDTH)


def _attention(name: str, width: int, inner: int) -> Tensors:
    for projection in ("q_proj", "k_proj", "v_proj"):
        yield from _linear(f"{name}.{projection}", width, inner)
    yield from _linear(f"{name}.out_proj", inner, width)


def _perceptron(name: str, hidden: int, output: int) -> Tensors:
    sizes = (WIDTH, hidden, hidden, output)
    for i in range(3):
        yield from _linear(f"{name}.{i}", sizes[i], sizes[i + 1])


def _linear(name: str, inputs: int, outputs: int) -> Tensors:
    return _weight_and_bias(name, (outputs, inputs), outputs)


def _norm(name: str, *size: int) -> Tensors:
    yield f"{name}.weight", size
    yield f"{name}.bias", size


def _weight_and_bias(name: str, weight: tuple[int, ...], outputs: int) -> Tensors:
    yield f"{name}.weight", weight
    yield f"{name}.bias", (outputs,)
