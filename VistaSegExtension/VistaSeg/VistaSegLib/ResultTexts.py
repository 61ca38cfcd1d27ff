"""What the table of results says: how a segment was made, and why it is worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from vistaseg.segmentation.finding_text import finding_text

if TYPE_CHECKING:
    from vistaseg.segmentation.plausibility import Finding


def madeBy(provenance: Mapping[str, Any]) -> str:
    """How a segment was made: "automatic", "automatic + 2", "imported, automatic", "2 clicks", "by hand", "unknown"."""
    from vistaseg.segmentation.tags import IMPORTED  # with the first result, not with the panel

    if provenance.get(IMPORTED) or "dicom_segmentation" in provenance:
        return _("imported, {made}").format(made=_madeHere(provenance))
    return _madeHere(provenance)


def _madeHere(provenance: Mapping[str, Any]) -> str:
    prompts = provenance.get("prompts") or []
    if not prompts:
        known = {"AUTOMATIC": _("automatic"), "SEMIAUTOMATIC": _("semiautomatic"), "MANUAL": _("by hand")}
        return known.get(str(provenance.get("algorithm_type")), _("unknown"))
    earlier = provenance.get("corrected")
    if earlier is not None:
        return _("{earlier} + {count}").format(earlier=madeBy(earlier), count=len(_kinds(prompts)))
    return _prompts(_kinds(prompts))


def madeText(provenance: Mapping[str, Any], edited: bool) -> str:
    """How a segment was made, and whether it was painted on since: "automatic, edited", "2 clicks, edited"."""
    made = madeBy(provenance)
    return _("{made}, edited").format(made=made) if edited else made


def findingText(finding: Finding) -> str:
    """One reason to look, in a few words."""
    return finding_text(finding, _)


def _kinds(prompts: list[dict[str, Any]] | int) -> list[str | None]:
    """Of what kind each prompt was; a DICOM file that is short of room tells only how many there were."""
    return [None] * prompts if isinstance(prompts, int) else [prompt.get("kind") for prompt in prompts]


def _prompts(kinds: list[str | None]) -> str:
    if len(set(kinds)) > 1:
        return _("{count} prompts").format(count=len(kinds))
    one = {"point": _("1 click"), "box": _("a box"), "text": _("a name")}.get(kinds[0] or "", _("1 prompt"))
    several = {"point": _("{count} clicks"), "box": _("{count} boxes"), "text": _("{count} names")}
    return one if len(kinds) == 1 else several.get(kinds[0] or "", _("{count} prompts")).format(count=len(kinds))
