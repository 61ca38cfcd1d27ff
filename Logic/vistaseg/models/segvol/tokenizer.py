"""From the name of a structure to the token ids that SegVol's text encoder reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from vistaseg.errors import UsageError
from vistaseg.models.segvol.byte_pairs import BytePairs
from vistaseg.models.segvol.text_encoder import END_TOKEN, MAXIMUM_TOKENS, START_TOKEN
from vistaseg.resources import resource_path

TEMPLATE = "A computerized tomography of a {}."
"""The sentence that every name stood in when SegVol was trained."""


def token_ids(text: str) -> Tensor:
    """int64 (77,): ids of the sentence about `text`, from the start token, filled up with end tokens.

    Raises:
        UsageError: the text is empty, or too long for the encoder.
    """
    name = " ".join(text.split())
    if not name:
        raise UsageError("The text of the prompt is empty: write the name of a structure, such as liver.")
    ids = [START_TOKEN, *_encode()(TEMPLATE.format(name)), END_TOKEN]
    if len(ids) > MAXIMUM_TOKENS:
        raise UsageError(
            f"The text of the prompt is too long ({len(ids)} tokens with the sentence around it, at most "
            f"{MAXIMUM_TOKENS}): write the name of a structure, in a few words."
        )
    return torch.tensor(ids + [END_TOKEN] * (MAXIMUM_TOKENS - len(ids)))


@cache
def _encode() -> Callable[[str], list[int]]:
    return BytePairs.read(resource_path("clip/merges.txt.gz")).encode
