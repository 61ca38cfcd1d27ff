"""Which structure a segment is by its name and codes, and giving it the name of one. No Qt."""

from __future__ import annotations

from functools import lru_cache

from SegmentEditorVistaSegLib.Choice import segmentationOf
from vistaseg import catalog
from vistaseg.catalog import Structure, Terminology
from vistaseg.models.registry import spec
from vistaseg.mrml.reading import segment_record
from vistaseg.workspace import SegmentReference

TERMINOLOGY_TAG = "TerminologyEntry"
STRUCTURE_TAG = "VistaSeg.StructureId"


def meantBy(target: SegmentReference) -> tuple[str, tuple[int, ...]] | None:
    """What a segment is to be: its title and the classes that are that; None where its name and codes do not tell.

    The name that the user sees counts first, then the codes.
    """
    record = segment_record(segmentationOf(target), target.segment_id)
    return _meantBy(record.name, record.terminology, record.structure_id)


@lru_cache
def _meantBy(name: str, terms: Terminology | None, structureId: int | None) -> tuple[str, tuple[int, ...]] | None:
    match = next((match for match in catalog.find(name, limit=1) if match.score >= 100 and match.ids), None)
    if match is not None:
        return match.title, match.ids
    structure = _byCodes(terms, structureId)
    return None if structure is None else (structure.name, structure.prompt_ids)


def areKnown(classIds: tuple[int, ...], models: tuple[str, ...]) -> bool:
    """Whether one of the models knows all of the classes."""
    return any(set(classIds) <= set(spec(key).class_ids()) for key in models)


def giveName(scriptedEffect, target: SegmentReference, name: str) -> None:
    """Name a segment; one of the catalogue also gives it its codes and colour. The editor's undo takes it back."""
    segment = segmentationOf(target).GetSegmentation().GetSegment(target.segment_id)
    structure = catalog.by_name(name)
    scriptedEffect.saveStateForUndo()
    segment.SetName(name)
    if structure is None or structure.terminology is None:
        segment.RemoveTag(STRUCTURE_TAG)
        return
    segment.SetColor([value / 255 for value in structure.color])
    segment.SetTag(TERMINOLOGY_TAG, catalog.slicer_terminology_entry(structure))
    segment.SetTag(STRUCTURE_TAG, str(structure.id))


def _byCodes(terms: Terminology | None, structureId: int | None) -> Structure | None:
    found = None if terms is None else catalog.by_codes(terms)
    if found is None and structureId is not None and structureId <= len(catalog.structures()):
        return catalog.get(structureId)
    return found
