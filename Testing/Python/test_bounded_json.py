"""JSON of others: what it says, or one error, before memory or the stack is used up."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg import bounded_json
from vistaseg.bounded_json import MAX_DEPTH, parse_json, read_json_file

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)  # fmt: skip


@given(VALUES, st.booleans())
def test_whatever_a_program_writes_is_read_as_it_was(value, ascii_only):
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_refused_by_its_depth(opening):
    with pytest.raises(ValueError, match=f"nested more than {MAX_DEPTH} deep"):
        parse_json(opening * 100_000)


def test_a_key_with_two_values_is_refused_and_one_that_is_said_twice_read():
    with pytest.raises(ValueError, match="key 'liver' has two values"):
        parse_json('{"labels": [{"liver": 1, "liver": 2}]}')
    assert parse_json('{"liver": 1, "liver": 1}') == {"liver": 1}


@pytest.mark.parametrize("text", ['["\\ud800"]', '{"\\uDFFF": 1}'])
def test_half_a_character_is_refused_before_a_file_is_named_after_it(text):
    with pytest.raises(ValueError, match="half a character"):
        parse_json(text)
    assert parse_json('["\\ud83e\\udec1"]') == ["\U0001fac1"]
    assert parse_json('["M\\udcfcller"]') == ["M\udcfcller"]  # how a name that is not UTF-8 is kept


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "names.json").write_bytes(b'\xef\xbb\xbf{"1": "liver"}')
    assert read_json_file(tmp_path / "names.json") == {"1": "liver"}


def test_as_deep_as_allowed_is_read_and_brackets_in_texts_nest_nothing():
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    text = '[{"\\' * 1000
    assert parse_json(json.dumps([text, {text: 1}])) == [text, {text: 1}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1e400", "too large"), ("-1e400", "too large"), ("Infinity", "not a number"), ("-Infinity", "not a number"),
        ("NaN", "not a number"), ("1" + "0" * 400, "64 bits"), ("-1" + "0" * 400, "64 bits"), (str(2**64), "64 bits"),
        ("9" * 1_000_000, "64 bits"),
    ],
)  # fmt: skip
def test_a_number_that_no_field_can_hold_is_refused_and_named(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_json(f'{{"start": [{text}, 0]}}')
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize("text", ['"' + '\\"' * 200_000, '"' + "\\" * 200_001, "[" + '"' * 200_001])
def test_a_text_that_does_not_end_is_refused_at_once(text):
    begin = time.perf_counter()
    with pytest.raises(ValueError):
        parse_json(text)
    assert time.perf_counter() - begin < 2


def test_a_file_that_is_too_large_empty_a_folder_or_no_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_json, "MAX_BYTES", 2**20)
    (tmp_path / "large.json").write_bytes(b" " * (2**20 + 1))
    (tmp_path / "empty.json").touch()
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xfc"}')
    cases = {"large.json": "more than 1 MiB", "empty.json": "empty", "latin.json": "utf-8", ".": "not a file"}
    for name, words in cases.items():
        with pytest.raises(ValueError, match=words):
            read_json_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_json_file(tmp_path / "absent.json")
