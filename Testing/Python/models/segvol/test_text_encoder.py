"""The text encoder against the text tower of the package transformers, with the same random weights."""

from __future__ import annotations

import pytest
import torch

from vistaseg.models.segvol.text_encoder import TextEncoder

END = 49407


def row(*ids: int, filled_with: int = END) -> list[int]:
    sentence = [49406, *ids, END]
    return sentence + [filled_with] * (77 - len(sentence))


TEXTS = torch.tensor([row(320, 12639), row(*range(1000, 1075)), row(), row(320, 12639, 269)])


@pytest.fixture
def encoder(network) -> TextEncoder:
    return network.text_encoder


def test_the_encoder_is_clips_tower_and_a_linear_layer(encoder):
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    theirs = CLIPTextModel(CLIPTextConfig(vocab_size=49408, eos_token_id=END, **sizes)).eval()
    assert theirs.config.hidden_act == "quick_gelu"
    own = encoder.clip_text_model.state_dict()
    prefix = "" if any(name.startswith("text_model.") for name in theirs.state_dict()) else "text_model."
    theirs.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in own.items()})
    with torch.no_grad():
        expected = encoder.dim_align(theirs(input_ids=TEXTS).pooler_output)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(encoder(TEXTS), expected, atol=1e-5, rtol=0)


def test_what_comes_after_the_end_and_who_is_beside_make_no_difference(encoder):
    alone = encoder(torch.tensor([row(320, 12639, filled_with=0)]))
    torch.testing.assert_close(encoder(TEXTS)[:1], alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(encoder(TEXTS[:1, :4]), alone, atol=1e-6, rtol=0)


def test_texts_of_other_words_or_another_order_are_embedded_apart(encoder):
    ids = torch.tensor([row(320, 12639), row(12639, 320), row(320, 12640)])
    first, *others = encoder(ids)
    assert all((first - other).abs().max() > 1e-3 for other in others)
