"""The measures of a segmentation as a DICOM Structured Report (PS3.16 TID 1500) that refers to its segments."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from vistaseg import __version__
from vistaseg.catalog import Code
from vistaseg.dicom.codes import code_in, short_text
from vistaseg.dicom.header import CHARACTER_SET
from vistaseg.dicom.measures import Measures
from vistaseg.dicom.quoting import reason
from vistaseg.dicom.seg_writer import SegExport
from vistaseg.errors import InputError
from vistaseg.volume.dicom.headers import not_quoting

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

_MILLILITRE = Code("ml", "UCUM", "milliliter")
_MILLIMETRE = Code("mm", "UCUM", "millimeter")
_HOUNSFIELD = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
_VOLUME = Code("118565006", "SCT", "Volume")
_DIAMETER = Code("81827009", "SCT", "Diameter")
_ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
_MEAN = Code("373098007", "SCT", "Mean")
_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
_MAXIMUM = Code("56851009", "SCT", "Maximum")
_OUT_OF_RANGE = Code("114009", "DCM", "Value out of range")
_PROCEDURES = {"CT": Code("77477000", "SCT", "Computed tomography")}
_DEVICE = Code("121007", "DCM", "Device")
_IMAGING = Code("363679005", "SCT", "Imaging procedure")


def structured_report(export: SegExport, series: Series, measures: Sequence[Measures]) -> bytes:
    """A Comprehensive SR, as a file: a group for each segment, with what it is, where it lies, and its measures.

    Values are reported where they have a unit, which is in a CT; those of a segment with values that no CT has say that
    they are out of range. The diameter is the largest one in an axial slice. All is measured on the voxels of the
    segmentation that the report refers to.

    Raises:
        InputError: the headers of the series do not allow a report.
    """
    import highdicom

    try:
        with not_quoting():
            report = highdicom.sr.ComprehensiveSR(
                evidence=[export.header, *series.datasets],
                content=_content(export, series, measures),
                series_instance_uid=generate_uid(prefix=None),
                series_number=int(export.header.SeriesNumber) + 1,
                sop_instance_uid=generate_uid(prefix=None),
                instance_number=1,
                manufacturer="VistaSeg",
                series_description=f"Measures: {export.header.SeriesDescription}"[:64],
                is_complete=True,
            )
            report.SpecificCharacterSet = CHARACTER_SET
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        raise InputError(
            f"The headers of the series do not allow a structured report ({reason(error)}). Export the series again, "
            "with all of its attributes."
        ) from error
    buffer = io.BytesIO()
    report.save_as(buffer)
    return buffer.getvalue()


def _content(export: SegExport, series: Series, measures: Sequence[Measures]) -> Dataset:
    from highdicom.sr import MeasurementReport

    items = {int(item.SegmentNumber): item for item in export.header.SegmentSequence}
    report = MeasurementReport(
        observation_context=_observer(),
        procedure_reported=_concept(_PROCEDURES.get(series.volume.modality or "", _IMAGING)),
        imaging_measurements=[_group(export, series, items[row.number], row) for row in measures],
    )
    content: Dataset = report[0]
    return content


def _observer() -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext

    uid = generate_uid(prefix=None, entropy_srcs=["VistaSeg", __version__])
    device = DeviceObserverIdentifyingAttributes(uid, "VistaSeg", "VistaSeg", "VistaSeg", __version__)
    return ObservationContext(
        observer_device_context=ObserverContext(_concept(Code("121007", "DCM", "Device")), device)
    )


def _group(export: SegExport, series: Series, item: Dataset, measures: Measures) -> Any:
    from highdicom import sr

    header = export.header
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(item.TrackingUID, item.TrackingID),
        referenced_segment=sr.ReferencedSegment(
            header.SOPClassUID,
            header.SOPInstanceUID,
            measures.number,
            source_series=sr.SourceSeriesForSegmentation(series.datasets[0].SeriesInstanceUID),
        ),
        finding_category=_concept_in(item, "SegmentedPropertyCategoryCodeSequence"),
        finding_type=_concept_in(item, "SegmentedPropertyTypeCodeSequence"),
        finding_sites=_sites(item),
        measurements=_measurements(measures),
    )


def _sites(item: Dataset) -> list[Any] | None:
    """Where it lies: its region, or the structure itself with its side."""
    from highdicom.sr import FindingSite

    type_item = item.SegmentedPropertyTypeCodeSequence[0]
    side = _concept_in(type_item, "SegmentedPropertyTypeModifierCodeSequence")
    place = _concept_in(item, "AnatomicRegionSequence")
    if place is not None:
        side = _concept_in(item.AnatomicRegionSequence[0], "AnatomicRegionModifierSequence") or side
    elif side is not None:
        place = _concept_in(item, "SegmentedPropertyTypeCodeSequence")
    return None if place is None else [FindingSite(place, laterality=side)]


def _measurements(measures: Measures) -> list[Any]:
    rows: list[tuple[Code, float, Code, Code | None, Code | None]] = [
        (_VOLUME, measures.scan_volume_ml, _MILLILITRE, None, None),
        (_DIAMETER, measures.diameter_mm, _MILLIMETRE, _MAXIMUM, None),
    ]
    if measures.unit == "HU":
        doubt = _OUT_OF_RANGE if measures.warning else None
        rows.append((_ATTENUATION, measures.mean, _HOUNSFIELD, _MEAN, doubt))
        rows.append((_ATTENUATION, measures.standard_deviation, _HOUNSFIELD, _DEVIATION, doubt))
    return [_measurement(*row) for row in rows]


def _measurement(name: Code, value: float, unit: Code, derivation: Code | None, qualifier: Code | None) -> Any:
    from highdicom.sr import AlgorithmIdentification, Measurement

    return Measurement(
        name=_concept(name),
        value=round(value, 4),
        unit=_concept(unit),
        derivation=None if derivation is None else _concept(derivation),
        qualifier=None if qualifier is None else _concept(qualifier),
        algorithm_id=AlgorithmIdentification("VistaSeg", __version__),
    )


def _concept(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, short_text(code.meaning))


def _concept_in(dataset: Dataset, keyword: str) -> Any:
    code = code_in(dataset, keyword)
    return None if code is None else _concept(code)
