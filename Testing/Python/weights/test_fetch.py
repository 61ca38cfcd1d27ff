from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from vistaseg.errors import CancelledError, WeightsError
from vistaseg.weights import (
    WeightsState,
    fetch,
    find_entry,
    import_file,
    installed_path,
    layouts,
    remove,
    status,
    verify,
)

ENTRY = find_entry("vista3d")
NAME = ENTRY.license.name


class Hub:
    """Stands for `hf_hub_download`: writes `content` as the real one does, or fails half-way."""

    def __init__(self, content: bytes) -> None:
        self.content, self.failure, self.calls = content, None, []
        self.settings: list[bool] = []

    def __call__(self, repo_id: str, filename: str, *, revision: str, local_dir: Path, **options: Any) -> str:
        self.calls.append((repo_id, filename, revision, options["token"]))
        constants = huggingface_hub.constants
        self.settings = [constants.HF_HUB_DISABLE_TELEMETRY, constants.HF_HUB_DISABLE_XET]
        target = Path(local_dir) / filename
        target.parent.mkdir(parents=True, exist_ok=True)
        with options["tqdm_class"](total=len(self.content), unit="B", initial=0, desc="file") as bar:
            half = target.with_name("part.incomplete")
            half.write_bytes(self.content[: len(self.content) // 2])
            bar.update(len(self.content) // 2)
            if self.failure is not None:
                raise self.failure
            bar.update(len(self.content) - len(self.content) // 2)
        half.unlink()
        target.write_bytes(self.content)
        return str(target)


@pytest.fixture
def hub(home, network_forbidden, monkeypatch, checkpoint, shapes) -> Hub:
    """Publishes a good file of a VISTA3D that is small."""
    small = replace(layouts.LAYOUTS["vista3d"], shapes=lambda: shapes)
    monkeypatch.setitem(layouts.LAYOUTS, "vista3d", small)
    fake = Hub(checkpoint.read_bytes())
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fake)
    return fake


def files(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_without_acceptance_the_license_is_shown_and_the_network_is_not_touched(home):
    with pytest.raises(WeightsError) as caught:
        fetch(ENTRY)
    message = str(caught.value)
    assert NAME in message and ENTRY.license.url in message and ENTRY.license.conditions in message
    assert f'vistaseg weights fetch vista3d --accept-license "{NAME}"' in message
    assert not home.exists()


@pytest.mark.parametrize("name", ["", "yes", NAME.lower(), NAME + " ", "NCLS v1 License"])
def test_another_name_does_not_accept_the_license(name, home):
    with pytest.raises(WeightsError, match="is not the license of VISTA3D"):
        fetch(ENTRY, name)
    assert not home.exists()


def test_weights_without_a_license_are_said_to_have_none(home):
    with pytest.raises(WeightsError) as caught:
        fetch(find_entry("segvol"))
    message = str(caught.value)
    assert "The weights state no license" in message and "It is the" not in message
    assert "passing them on" in message and "MIT" in message and "https://huggingface.co/BAAI/SegVol" in message
    assert 'vistaseg weights fetch segvol --accept-license "no stated license"' in message


def test_an_accepted_license_is_recorded_with_name_date_and_url(hub, home):
    fetch(ENTRY, NAME)
    record = json.loads((home / "weights" / "vista3d" / "license-accepted.json").read_text())
    assert record["name"] == NAME and record["url"] == ENTRY.license.url
    assert record["date"].startswith("20") and record["weights"] == ENTRY.origin


def test_fetched_weights_are_installed_with_the_hash_of_what_came(hub, home):
    done = fetch(ENTRY, NAME)
    assert done.state is WeightsState.INSTALLED and done.source == "download"
    assert done.path is not None and done.path.read_bytes() == hub.content
    assert done.sha256 == hashlib.sha256(hub.content).hexdigest()
    assert installed_path(ENTRY) == done.path and verify(ENTRY) == done
    assert files(home) == ["license-accepted.json", "model.safetensors", "record.json"]


def test_the_file_of_the_manifest_is_asked_for_anonymously_and_without_telemetry(hub):
    before = huggingface_hub.constants.HF_HUB_DISABLE_XET
    fetch(ENTRY, NAME)
    assert hub.calls == [(ENTRY.hub_id, ENTRY.file, ENTRY.revision, False)]
    assert hub.settings == [True, True]
    assert huggingface_hub.constants.HF_HUB_DISABLE_XET is before


def test_an_acceptance_holds_for_the_next_download(hub):
    hub.failure = ConnectionError("gone")
    with pytest.raises(WeightsError):
        fetch(ENTRY, NAME)
    hub.failure = None
    assert fetch(ENTRY).state is WeightsState.INSTALLED


def test_an_acceptance_of_other_terms_does_not_hold(hub):
    fetch(ENTRY, NAME)
    changed = replace(ENTRY, license=replace(ENTRY.license, name="Another License"))
    with pytest.raises(WeightsError, match="Another License"):
        fetch(changed)


def test_removing_the_weights_takes_the_acceptance_back(hub):
    fetch(ENTRY, NAME)
    remove(ENTRY)
    with pytest.raises(WeightsError, match="not accepted"):
        fetch(ENTRY)
    assert len(hub.calls) == 1


def test_installed_weights_are_not_downloaded_again(hub):
    first = fetch(ENTRY, NAME)
    assert fetch(ENTRY) == first
    assert len(hub.calls) == 1


def test_damaged_weights_are_downloaded_again(hub):
    done = fetch(ENTRY, NAME)
    assert done.path is not None
    done.path.write_bytes(b"damaged")
    assert fetch(ENTRY).state is WeightsState.INSTALLED
    assert done.path.read_bytes() == hub.content


def test_a_download_does_not_replace_the_users_own_file(hub, checkpoint, shapes):
    own = import_file(ENTRY, checkpoint, shapes)
    with pytest.raises(WeightsError, match="vistaseg weights remove vista3d"):
        fetch(ENTRY, NAME)
    assert not hub.calls and verify(ENTRY) == own
    remove(ENTRY)
    assert fetch(ENTRY, NAME).source == "download"


def test_an_own_file_that_was_changed_since_is_not_replaced_either(hub, checkpoint, shapes):
    own = import_file(ENTRY, checkpoint, shapes)
    assert own.path is not None
    own.path.write_bytes(b"trained further")
    with pytest.raises(WeightsError, match="a file of your own"):
        fetch(ENTRY, NAME)
    assert own.path.read_bytes() == b"trained further"


def test_a_download_that_does_not_hold_the_weights_is_not_installed(hub, home):
    hub.content = b"<html>Sign in</html>"
    with pytest.raises(WeightsError, match=r"nothing was installed.*web page"):
        fetch(ENTRY, NAME)
    assert files(home) == ["license-accepted.json"]
    assert status(ENTRY).state is WeightsState.MISSING


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_another_checksum_than_the_pinned_one_removes_the_download_and_says_so(algorithm, hub, home):
    pinned = replace(ENTRY, **{algorithm: "0" * 8})
    with pytest.raises(WeightsError, match="not the published file") as caught:
        fetch(pinned, NAME)
    assert hashlib.new(algorithm, hub.content).hexdigest() in str(caught.value)
    assert files(home) == ["license-accepted.json"]
    assert status(ENTRY).state is WeightsState.MISSING


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_pinned_checksum_is_accepted(algorithm, hub):
    pinned = replace(ENTRY, **{algorithm: hashlib.new(algorithm, hub.content).hexdigest()})
    assert fetch(pinned, NAME).state is WeightsState.INSTALLED
    assert verify(pinned).state is WeightsState.INSTALLED


def test_verify_compares_with_a_checksum_that_the_manifest_learnt_later(hub):
    fetch(ENTRY, NAME)
    assert verify(replace(ENTRY, sha256="0" * 64)).state is WeightsState.DAMAGED


@pytest.mark.parametrize("failure", [ConnectionError("no route"), OSError("consistency"), RuntimeError("odd")])
def test_an_interrupted_download_installs_nothing_and_says_what_to_do(failure, hub):
    hub.failure = failure
    with pytest.raises(WeightsError, match="Nothing was installed") as caught:
        fetch(ENTRY, NAME)
    assert caught.value.__cause__ is failure
    assert "vistaseg weights import FILE --key vista3d" in str(caught.value)
    assert status(ENTRY).state is WeightsState.MISSING


def test_an_interruption_from_the_keyboard_passes_through(hub):
    hub.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        fetch(ENTRY, NAME)
    assert status(ENTRY).state is WeightsState.MISSING


def test_progress_is_reported_and_can_cancel(hub):
    reports: list[tuple[int, int | None]] = []

    def cancel_at_half(done: int, total: int | None) -> None:
        reports.append((done, total))
        raise CancelledError("Stopped.")

    with pytest.raises(CancelledError):
        fetch(ENTRY, NAME, cancel_at_half)
    size = len(hub.content)
    assert reports == [(size // 2, size)]
    assert status(ENTRY).state is WeightsState.MISSING


def test_progress_reaches_the_end(hub):
    reports: list[tuple[int, int | None]] = []
    fetch(ENTRY, NAME, lambda done, total: reports.append((done, total)))
    size = len(hub.content)
    assert reports == [(size // 2, size), (size, size)]


def test_a_data_folder_that_cannot_be_made_is_named_before_any_download(tmp_path, hub, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="VISTASEG_HOME"):
        fetch(ENTRY, NAME)
    assert not hub.calls


def noting_revision(hub: Hub, revision: str) -> Any:
    """The hub's client, which writes the commit beside the download."""

    def call(repo_id: str, filename: str, *, local_dir: Path, **options: Any) -> str:
        done = hub(repo_id, filename, local_dir=local_dir, **options)
        note = Path(local_dir) / ".cache" / "huggingface" / "download" / f"{filename}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{revision}\n0123\n1.5\n")
        return done

    return call


def test_the_revision_is_noted_and_the_same_file_is_asked_for_again(hub, home, monkeypatch):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", noting_revision(hub, "ab" * 20))
    first = fetch(ENTRY, NAME)
    assert first.revision == status(ENTRY).revision == "ab" * 20
    assert hub.calls[-1][2] == ENTRY.revision
    first.path.write_bytes(b"damaged")
    again = fetch(ENTRY)
    assert again.sha256 == first.sha256 and hub.calls[-1][2] == "ab" * 20


def test_another_file_than_the_first_download_is_refused_by_its_hash(hub, home, state, save_checkpoint, tmp_path):
    first = fetch(ENTRY, NAME)
    first.path.write_bytes(b"damaged")
    changed = {f"network.{name}": tensor + 1 for name, tensor in state.items()}
    hub.content = save_checkpoint(changed, tmp_path / "other.safetensors", "safetensors").read_bytes()
    with pytest.raises(WeightsError) as caught:
        fetch(ENTRY)
    assert f"first {first.sha256}" in str(caught.value) and "vistaseg weights remove vista3d" in str(caught.value)
    assert status(ENTRY).state is WeightsState.DAMAGED
    remove(ENTRY)
    assert fetch(ENTRY, NAME).state is WeightsState.INSTALLED


def test_records_of_earlier_versions_have_no_revision(hub, home):
    done = fetch(ENTRY, NAME)
    note = done.path.with_name("record.json")
    content = json.loads(note.read_text())
    del content["revision"]
    note.write_text(json.dumps(content))
    assert status(ENTRY).state is WeightsState.INSTALLED and status(ENTRY).revision is None
