from __future__ import annotations

import dataclasses

import pytest

from vistaseg.errors import UsageError
from vistaseg.weights import find_entry, load_manifest


def test_keys_are_unique_and_each_entry_names_its_license():
    entries = load_manifest()
    assert len({entry.key for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.license.name and entry.license.url.startswith("https://") and entry.license.conditions


def test_the_first_choice_may_be_used_commercially_and_the_bundle_may_not():
    assert load_manifest()[0].key == "vista3d"
    assert find_entry("vista3d").license.commercial_use
    assert not find_entry("vista3d-bundle").license.commercial_use


def test_the_published_checksum_is_pinned():
    assert find_entry("vista3d-bundle").pinned == {"md5": "6ce45a8edde4400c5d28d5e74d7b61d5"}
    assert find_entry("vista3d").pinned == {}


def test_every_model_of_the_manifest_has_a_layout():
    from vistaseg.weights.layouts import LAYOUTS

    assert {entry.model for entry in load_manifest()} <= set(LAYOUTS)


def test_an_unknown_key_lists_the_known_ones():
    with pytest.raises(UsageError, match="vista3d, vista3d-bundle"):
        find_entry("vista4d")


def test_entries_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        find_entry("vista3d").sha256 = "0"  # type: ignore[misc]
