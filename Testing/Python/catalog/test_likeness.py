from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from vistaseg.catalog.likeness import likeness

words = st.text("aeilvr ", max_size=20)


@given(words, words)
def test_likeness_is_the_ratio_that_other_programs_compute(one, other):
    assert abs(likeness(one, other) - fuzz.ratio(one, other)) < 1e-9
