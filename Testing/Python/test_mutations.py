"""The table of mutations fits the sources; `make mutations` runs it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def table():
    path = ROOT / "Testing" / "mutations" / "table.py"
    spec = importlib.util.spec_from_file_location("table_of_mutations", path)
    module = sys.modules["table_of_mutations"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTATIONS


MUTATIONS = table()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.mechanism)
def test_what_a_mutation_takes_out_is_in_its_file_once_and_its_tests_exist(mutation):
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.text) == 1
    assert mutation.replacement != mutation.text
    assert [name for name in mutation.tests if not is_test(name)] == []


def is_test(name):
    file, _, function = name.partition("::")
    path = ROOT / "Testing" / "Python" / file
    return path.exists() and (not function or f"def {function}(" in path.read_text(encoding="utf-8"))


def test_each_mechanism_has_a_name_of_its_own():
    names = [mutation.mechanism for mutation in MUTATIONS]
    assert len(set(names)) == len(names) and not any("|" in name for name in names)
