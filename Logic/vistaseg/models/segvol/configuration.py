"""What makes one SegVol differ from another: the window it sees and the sizes of its four parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vistaseg.models.settings import read_settings

Size3 = tuple[int, int, int]


@dataclass(frozen=True)
class SegVolConfiguration:
    """Configuration of a SegVol network.

    The defaults are those of the published weights (`BAAI/SegVol`). All sizes in space are (d, h, w), the order of the
    axes of an array (k, j, i).

    Attributes:
        name: how the model is called in results and messages.
        image_size: voxels that the network sees at once; a multiple of `patch_size` along each axis.
        patch_size: voxels of one token of the image.
        width: channels of the image's tokens and of the prompts, a multiple of `heads` and of 16.
        depth, heads, mlp: layers of the image encoder, heads of its attention, width of its perceptrons.
        decoder_depth, decoder_heads, decoder_mlp: the same of the mask decoder.
        text_width, text_depth, text_heads, text_mlp: the same of the text encoder, whose channels are `text_width`.
        trained_with_boxes: whether the weights were trained with boxes, so that boxes are sent to them.
        notice: a sentence that accompanies every result; empty for a model meant for real use.
    """

    name: str = "SegVol"
    image_size: Size3 = (32, 256, 256)
    patch_size: Size3 = (4, 16, 16)
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp: int = 3072
    decoder_depth: int = 2
    decoder_heads: int = 8
    decoder_mlp: int = 2048
    text_width: int = 512
    text_depth: int = 12
    text_heads: int = 8
    text_mlp: int = 2048
    trained_with_boxes: bool = True
    notice: str = ""

    @property
    def grid(self) -> Size3:
        """Tokens of the image along (d, h, w)."""
        (d, h, w), (depth, height, width) = self.image_size, self.patch_size
        return d // depth, h // height, w // width

    def as_dict(self) -> dict[str, Any]:
        """The configuration as JSON-able values."""
        return asdict(self)

    @classmethod
    def read(cls, path: Path) -> SegVolConfiguration:
        """Read a configuration from a JSON file; keys that are absent keep the published values.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not JSON, or a value is of another type than the published one.
        """
        return read_settings(cls, path)
