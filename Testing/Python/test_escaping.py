"""Text of others: no terminal obeys it, no spreadsheet runs it, and a table reads it back."""

from __future__ import annotations

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.escaping import csv_cell, csv_text, printable

ANYTHING = st.text(
    st.characters() | st.characters(categories=["Cc", "Cf", "Cs"]) | st.sampled_from("\\x1bu=+-@'\r\n\t,\"")
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("liver", "liver"),
        ("Müller, Жуков … 肝", "Müller, Жуков … 肝"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("one\r\ntwo\tthree", r"one\x0d\x0atwo\x09three"),
        ("\x9b31m", r"\u009b31m"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("line\u2028line", r"line\u2028line"),
        ("\U000e0041", r"\U000e0041"),
        (os.fsdecode(b"M\xfcller"), r"M\xfcller" if os.name != "nt" else "M�ller"),
        (r"C:\new\table", r"C:\new\table"),
    ],
)
def test_only_letters_reach_a_terminal(text, shown):
    assert printable(text) == shown


@given(ANYTHING)
def test_what_is_printed_has_no_control_character_and_can_be_encoded(text):
    shown = printable(text)
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in shown)
    shown.encode("utf-8")


@given(st.lists(ANYTHING, min_size=1, max_size=4))
def test_a_row_of_any_texts_is_read_back_through_a_csv_file(texts):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([csv_cell(text) for text in texts])
    written = file.getvalue().encode("utf-8").decode("utf-8")
    (row,) = csv.reader(io.StringIO(written, newline=""))
    assert [csv_text(cell) for cell in row] == texts


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\u2212", "＝", "＋", "－", "＠", "\t", "\r", "\n"])
def test_no_cell_begins_as_a_formula_does(first):
    cell = csv_cell(first + "cmd|' /C calc'!A0")
    assert cell[0] in "'\\" and csv_text(cell) == first + "cmd|' /C calc'!A0"
    assert csv_text(csv_cell(f"'{first}1")) == f"'{first}1"


def test_a_usual_cell_stays_as_it_is():
    for text in ("a/b-c", "it's", "5 - 3", "'quoted'", "x\\y"):
        assert csv_cell(text) == text
