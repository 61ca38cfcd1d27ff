from __future__ import annotations

import json

import pytest

from vistaseg import resources
from vistaseg.resources import resource_path


@pytest.mark.parametrize("name", ["structures.json", "structure-sets.json", "spellings.json", "weights.json"])
def test_data_files_are_found_and_can_be_read(name):
    assert json.loads(resource_path(name).read_text(encoding="utf-8"))


def test_what_is_missing_is_named_with_what_to_do():
    with pytest.raises(FileNotFoundError, match="'absent.json' of VistaSeg is missing: install the package again"):
        resource_path("absent.json")


def test_in_an_installed_package_the_data_lies_inside_it(tmp_path, monkeypatch):
    (tmp_path / "vistaseg" / "resources").mkdir(parents=True)
    (tmp_path / "vistaseg" / "resources" / "structures.json").write_text("{}")
    monkeypatch.setattr(resources, "_PACKAGE_FOLDER", tmp_path / "vistaseg")
    assert resource_path("structures.json").read_text() == "{}"
