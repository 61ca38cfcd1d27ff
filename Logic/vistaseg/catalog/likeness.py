"""How alike two texts are spelt.

In plain Python, so that a structure is found by its name where nothing has been installed yet.
"""

from __future__ import annotations


def likeness(one: str, other: str) -> float:
    """Share of letters that two texts have in common in the same order, 0 … 100; 100 for the same text."""
    letters = len(one) + len(other)
    return 200.0 * _common_letters(one, other) / letters if letters else 100.0


def _common_letters(one: str, other: str) -> int:
    """Length of the longest common subsequence, all rows of its table at once as the bits of a number.

    Hyyrö, "Bit-parallel LCS-length computation revisited", AWOCA 2004: a bit that is cleared is one letter more.
    """
    places: dict[str, int] = {}
    for place, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << place
    everywhere = (1 << len(one)) - 1
    bits = everywhere
    for letter in other:
        met = bits & places.get(letter, 0)
        bits = ((bits + met) | (bits - met)) & everywhere
    return len(one) - bin(bits).count("1")
