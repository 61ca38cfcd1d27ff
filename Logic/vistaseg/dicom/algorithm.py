"""How a segment was made: the provenance of a segment as DICOM's algorithm type and identification, and back.

The whole provenance is kept as JSON in Algorithm Parameters, whose content the standard leaves to the writer
(PS3.3 table 10-19), so that nothing is lost on the way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from vistaseg.bounded_json import parse_json
from vistaseg.catalog import Code
from vistaseg.dicom.codes import code_in, code_sequence, short_text
from vistaseg.dicom.history import SOURCE_KEY

TYPES = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
MANUAL = "MANUAL"
UNKNOWN = "unknown"

_ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
_BY_HAND = Code("123109", "DCM", "Manual Processing")
_FAMILY = "algorithm_family"
_LONGEST_PARAMETERS = 10240  # of VR LT, PS3.5 section 6.2


def algorithm_type(provenance: Mapping[str, Any]) -> str:
    """AUTOMATIC, SEMIAUTOMATIC or MANUAL; SEMIAUTOMATIC where it is not recorded, as that claims least."""
    noted = provenance.get("algorithm_type")
    return str(noted) if noted in TYPES else "SEMIAUTOMATIC"


def is_recorded(provenance: Mapping[str, Any]) -> bool:
    """Whether the provenance tells how the segment was made."""
    return provenance.get("algorithm_type") in TYPES


def algorithm_name(provenance: Mapping[str, Any]) -> str:
    """Segment Algorithm Name; "unknown" if it was not recorded."""
    return short_text(provenance.get("algorithm_name") or provenance.get("model") or UNKNOWN)


def algorithm_version(provenance: Mapping[str, Any]) -> str:
    """The algorithm's version; "unknown" if it was not recorded."""
    return short_text(provenance.get("algorithm_version") or provenance.get("software") or UNKNOWN)


def add_algorithm(item: Dataset, provenance: Mapping[str, Any]) -> None:
    """Say in an item of the Segment Sequence how it was made.

    MANUAL has no algorithm to name; it is identified as work by hand where more is known of it.
    """
    item.SegmentAlgorithmType = algorithm_type(provenance)
    by_hand = item.SegmentAlgorithmType == MANUAL
    if not by_hand:
        item.SegmentAlgorithmName = algorithm_name(provenance)
    family = _by_hand(provenance) if by_hand else _family(provenance)
    if family is None:
        return
    identification = Dataset()
    identification.AlgorithmFamilyCodeSequence = code_sequence(family)
    identification.AlgorithmName = family.meaning if by_hand else item.SegmentAlgorithmName
    identification.AlgorithmVersion = algorithm_version(provenance)
    identification.AlgorithmParameters = parameters_text(provenance)
    item.SegmentationAlgorithmIdentificationSequence = Sequence([identification])


def _family(provenance: Mapping[str, Any]) -> Code | None:
    """DICOM identifies no algorithm without its family, which is not known of every algorithm that has a name."""
    noted = provenance.get(_FAMILY)
    if isinstance(noted, (list, tuple)) and len(noted) == 3:
        return Code(*map(str, noted))
    return _ARTIFICIAL_INTELLIGENCE if "model" in provenance else None


def _by_hand(provenance: Mapping[str, Any]) -> Code | None:
    return _BY_HAND if provenance.keys() - {"algorithm_type", "algorithm_name", SOURCE_KEY} else None


def is_shortened(provenance: Mapping[str, Any]) -> bool:
    """Whether DICOM has no room for all of a provenance."""
    return len(_json(provenance)) > _LONGEST_PARAMETERS


def parameters_text(provenance: Mapping[str, Any]) -> str:
    """The provenance as JSON; where that is too long for DICOM, prompts are only counted, then corrections left out."""
    for shortened in (dict(provenance), _with_prompts_counted(provenance), _without_corrections(provenance)):
        text = _json(shortened)
        if len(text) <= _LONGEST_PARAMETERS:
            return text
    return "{}"


def _json(provenance: Mapping[str, Any]) -> str:
    return json.dumps(dict(provenance), separators=(",", ":"))


def _with_prompts_counted(provenance: Mapping[str, Any]) -> dict[str, Any]:
    counted = {key: len(value) if key == "prompts" else value for key, value in provenance.items()}
    before = counted.get("corrected")
    return counted | ({"corrected": _with_prompts_counted(before)} if isinstance(before, Mapping) else {})


def _without_corrections(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _with_prompts_counted(provenance).items() if key != "corrected"}


def provenance_in(item: Dataset) -> dict[str, Any]:
    """How a segment was made, from its item of the Segment Sequence; the type that the item says now counts."""
    identification = (item.get("SegmentationAlgorithmIdentificationSequence") or [Dataset()])[0]
    noted = _read_json(str(identification.get("AlgorithmParameters", "")))
    known = _stated(item, identification) if noted is None else noted
    type_ = str(item.get("SegmentAlgorithmType", ""))
    return known | ({"algorithm_type": type_} if type_ in TYPES else {})


def _stated(item: Dataset, identification: Dataset) -> dict[str, Any]:
    """What the attributes of another program tell."""
    name = item.get("SegmentAlgorithmName") or identification.get("AlgorithmName")
    version = identification.get("AlgorithmVersion")
    family = code_in(identification, "AlgorithmFamilyCodeSequence")
    described = {"algorithm_name": name, "algorithm_version": version}
    known: dict[str, Any] = {key: str(value) for key, value in described.items() if value}
    return known | ({_FAMILY: [family.value, family.scheme, family.meaning]} if family else {})


def _read_json(text: str) -> dict[str, Any] | None:
    """None for what another program wrote in a form of its own."""
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
