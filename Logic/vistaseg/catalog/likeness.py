"""How alike two texts are spelt, as rapidfuzz computes it.

In plain Python, so that a structure is found by its name where nothing has been installed yet.
"""

from __future__ import annotations


def likeness(one: str, other: str) -> float:
    """Share of letters that two texts have in common in the same order, 0 … 100; 100 for the same text."""
    letters = len(one) + len(other)
    return 200.0 * _common_letters(one, other) / letters if letters else 100.0


def words_likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Likeness of two sets of words in any order, 0 … 100; 100 also where one set is part of the other.

    The best of three: the words of both as they are, and each of them with what both have ("token set ratio").
    """
    if not one or not other:
        return 0.0
    shared, left, right = (len(" ".join(words)) for words in (one & other, one - other, other - one))
    if shared and not (left and right):
        return 100.0
    with_gap = shared + (shared > 0)
    common = _common_letters(*(" ".join(sorted(words)) for words in (one - other, other - one)))
    whole = 200.0 * (with_gap + common) / (2 * with_gap + left + right)
    return max(whole, *(200.0 * shared / (shared + with_gap + length) for length in (left, right)))


def differ_by_at_most(one: str, other: str, most: int) -> bool:
    """Whether at most this many wrong, missing, further or swapped letters tell two texts apart.

    No letter is counted twice ("optimal string alignment").
    """
    if max(len(one), len(other)) - _common_letters(one, other) > most:
        return False  # every error costs one common letter at most
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        two_before, before, row = before, row, [i]
        for j, its in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
    return row[-1] <= most


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
