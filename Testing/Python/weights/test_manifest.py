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
    assert find_entry("segvol").pinned == {"sha256": "500f2758a8f989339b2b2baf09a819169bc87549795193d3cfe505726ac0b399"}


def test_only_weights_of_segvol_have_no_stated_license_and_may_not_be_used_commercially():
    without = [entry for entry in load_manifest() if not entry.license.stated]
    assert {entry.model for entry in without} == {"segvol"} and len(without) == 2
    assert not any(entry.license.commercial_use for entry in without)
    assert find_entry("segvol").license.in_a_sentence == "no stated license"
    assert find_entry("vista3d-bundle").license.in_a_sentence == "the NCLS v1 License"


def test_every_model_of_the_manifest_has_a_layout():
    from vistaseg.weights.layouts import LAYOUTS

    assert {entry.model for entry in load_manifest()} <= set(LAYOUTS)


def test_an_unknown_key_lists_the_known_ones():
    with pytest.raises(UsageError, match="vista3d, vista3d-bundle"):
        find_entry("vista4d")


def test_entries_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        find_entry("vista3d").sha256 = "0"  # type: ignore[misc]
