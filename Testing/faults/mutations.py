"""Changes to bytes, and to values of a header, that are the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

ODD_TEXTS = {
    "blank": "",
    "negative": "-1",
    "zero": "0",
    "huge": "99999999999999999999",
    "nan": "nan",
    "inf": "inf",
    "1e308": "1e308",
    "text": "abc",
    "comma": "1,5",
    "encoding": "\u00fc\u4e2d",
}
ODD_JSON = {
    "null": None,
    "text": "abc",
    "blank": "",
    "negative": -1,
    "huge": 10**18,
    "fraction": 1.5,
    "true": True,
    "list": [],
    "object": {},
    "nested": [[[[]]]],
}


def byte_mutations(content: bytes, boundaries: Sequence[int], seed: int, flips: int = 6) -> Iterator[tuple[str, bytes]]:
    """Name and content: bits flipped, cut off, zeros, an insertion.

    Args:
        boundaries: offsets at which a part of the file ends; the last one is the end of the header.
    """
    draw = random.Random(seed)
    header = max(boundaries)
    for number in range(flips):
        at, bit = draw.randrange(header), draw.randrange(8)
        changed = bytearray(content)
        changed[at] ^= 1 << bit
        yield f"bit {bit} of byte {at} flipped", bytes(changed)
        if number % 3 == 0:
            at = draw.randrange(header, len(content))
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            yield f"bit {bit} of byte {at} of the data flipped", bytes(changed)
    for boundary in (*boundaries, len(content) - 1):
        yield f"cut off at {boundary}", content[:boundary]
    at = draw.randrange(header)
    yield f"8 zeros at {at}", content[:at] + bytes(8) + content[at + 8 :]
    yield f"8 bytes put in at {at}", content[:at] + draw.randbytes(8) + content[at:]
    yield "1000 bytes at the end", content + draw.randbytes(1000)
    yield "all zeros", bytes(len(content))
