"""From the name of a structure to the token ids that SegVol's text encoder reads."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from vistaseg.errors import UsageError
from vistaseg.models.segvol.byte_pairs import BytePairs
from vistaseg.models.segvol.text_encoder import END_TOKEN, MAXIMUM_TOKENS, START_TOKEN
from vistaseg.weights.folder import data_folder

TEMPLATE = "A computerized tomography of a {}."
"""The sentence that every name stood in when SegVol was trained."""

_FILES = ("merges.txt", "bpe_simple_vocab_16e6.txt.gz")


def token_ids(text: str) -> Tensor:
    """int64 (77,): ids of the sentence about `text`, from the start token, filled up with end tokens.

    The vocabulary comes with the package `instant_clip_tokenizer`, or is a file in `clip` in the user's data folder.

    Raises:
        UsageError: the text is empty, or too long for the encoder; or there is no vocabulary, and how to get it.
        InputError: the user's file is not CLIP's vocabulary.
    """
    name = " ".join(text.split())
    if not name:
        raise UsageError("The text of the prompt is empty: write the name of a structure, such as liver.")
    ids = [START_TOKEN, *_encoder()(TEMPLATE.format(name)), END_TOKEN]
    if len(ids) > MAXIMUM_TOKENS:
        raise UsageError(
            f"The text of the prompt is too long ({len(ids)} tokens with the sentence around it, at most "
            f"{MAXIMUM_TOKENS}): write the name of a structure, in a few words."
        )
    return torch.tensor(ids + [END_TOKEN] * (MAXIMUM_TOKENS - len(ids)))


def _encoder() -> Callable[[str], list[int]]:
    try:
        return _of_package()
    except ImportError as error:
        folder = data_folder() / "clip"
        path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
        if path is None:
            raise UsageError(
                'Prompts of text need the vocabulary of CLIP. Install it with: pip install "vistaseg[text]", '
                f"or put CLIP's file {_FILES[0]} into {folder}."
            ) from error
        return _of_file(path)


@lru_cache(maxsize=1)
def _of_package() -> Callable[[str], list[int]]:
    from instant_clip_tokenizer import Tokenizer

    encode: Callable[[str], list[int]] = Tokenizer().encode
    return encode


@lru_cache(maxsize=1)
def _of_file(path: Path) -> Callable[[str], list[int]]:
    return BytePairs.read(path).encode
