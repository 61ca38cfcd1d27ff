from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from vistaseg.catalog.likeness import differ_by_at_most, likeness, words_likeness

words = st.text("aeilvr ", max_size=20)


@given(words, words)
def test_likeness_is_the_ratio_that_other_programs_compute(one, other):
    assert abs(likeness(one, other) - fuzz.ratio(one, other)) < 1e-9


@given(st.frozensets(st.text("aeilvr", min_size=1, max_size=7), max_size=5), st.data())
def test_likeness_of_words_is_the_token_set_ratio_that_other_programs_compute(one, data):
    other = data.draw(st.frozensets(st.sampled_from(sorted(one) or ["a"]) | st.text("aeilvr", min_size=1, max_size=7)))
    expected = fuzz.token_set_ratio(" ".join(sorted(one)), " ".join(sorted(other)))
    assert abs(words_likeness(one, other) - expected) < 1e-9


@given(st.text("aeil ", max_size=12), st.text("aeil ", max_size=12), st.integers(0, 12))
def test_errors_are_counted_as_other_programs_count_them(one, other, most):
    assert differ_by_at_most(one, other, most) == (OSA.distance(one, other) <= most)
