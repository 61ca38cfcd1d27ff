"""The report of a cohort: a table with a row for each study, complete after each of them."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any

from vistaseg.errors import UsageError
from vistaseg.escaping import csv_cell, csv_text
from vistaseg.io import sha256_of, tidy, write_bytes


class Status(str, Enum):
    """What came of a study."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class StudyRow:
    """One study. Nothing in it comes from the patient: only places, UIDs and what was done.

    Attributes:
        folder: of the series, relative to that of the studies.
        series: SeriesInstanceUID.
        images: of the series.
        asked: the request in words; the name is that of the column.
        status: what came of it.
        reason: why it failed, or what is doubtful about the scan and the result; may be empty.
        segments: how many were found, None where it failed.
        seconds: of reading, segmenting and writing.
        output: the result, relative to the folder of the results.
        sha256: of the result: only what has this hash was made as the row says. Empty where it failed, and in reports
            of earlier versions.
    """

    folder: str
    series: str
    images: int
    asked: str
    status: Status = Status.FAILED
    reason: str = ""
    segments: int | None = None
    seconds: float = 0.0
    output: str = ""
    sha256: str = ""

    @property
    def question(self) -> tuple[str, ...]:
        """What has to be the same for a result to be that of the same question."""
        return self.folder, self.series, str(self.images), self.asked, self.output

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, in the order of the columns."""
        return asdict(self) | {"status": self.status.value, "seconds": round(self.seconds, 2)}


COLUMNS = tuple(field.name for field in fields(StudyRow))
_FORMER_COLUMNS = COLUMNS[:-1]


class CohortTable:
    """The rows of this run and of those before."""

    def __init__(self, path: Path, results: Path, rows: list[StudyRow]) -> None:
        self._path = path
        self._results = results
        self._rows = {(row.folder, row.series): row for row in rows}

    @classmethod
    def opened(cls, path: Path, results: Path) -> CohortTable:
        """Go on with a table about a folder of results, or begin one.

        Raises:
            UsageError: there is something else in its place.
        """
        return cls(path, results, _read(path) if path.exists() else [])

    def done_before(self, todo: StudyRow) -> StudyRow | None:
        """The row of an earlier run that did the same, and whose result is still what it wrote; else None."""
        before = self._rows.get((todo.folder, todo.series))
        same = before is not None and before.status is Status.DONE and before.question == todo.question
        return before if before is not None and same and self._is_there(before) else None

    def _is_there(self, row: StudyRow) -> bool:
        result = self._results / row.output
        try:
            tidy(result.parent)
            return result.exists() and row.sha256 in ("", sha256_of(result))
        except (OSError, UsageError):  # it will be said when the result is written again
            return False

    def put(self, row: StudyRow) -> None:
        """Add a row, or replace the one of the same study, and write all.

        Raises:
            UsageError: it cannot be written.
        """
        self._rows[row.folder, row.series] = row
        write_bytes(self._path, self._text().encode())

    def _text(self) -> str:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_cells(row) for row in self._rows.values())
        return text.getvalue()


def _cells(row: StudyRow) -> dict[str, Any]:
    """Names of folders come from outside: nothing in them may break the table, or be run by a spreadsheet."""
    return {key: csv_cell(value) if isinstance(value, str) else value for key, value in row.as_dict().items()}


def _read(path: Path) -> list[StudyRow]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) not in (COLUMNS, _FORMER_COLUMNS):
                raise ValueError("its columns are others")
            return [_row(_whole(row, reader.line_num)) for row in reader]
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise UsageError(f"{path} is not the report of a cohort ({error}). Give another name.") from error


def _whole(cells: dict[str | None, Any], line: int) -> dict[str, str]:
    """The cells of a row, which has as many as there are columns."""
    if None in cells or None in cells.values():
        raise ValueError(f"line {line} has not {len(cells.keys() - {None})} cells")
    return {str(key): csv_text(cell) for key, cell in cells.items()}


def _row(row: dict[str, str]) -> StudyRow:
    return StudyRow(
        row["folder"],
        row["series"],
        int(row["images"]),
        row["asked"],
        Status(row["status"]),
        row["reason"],
        int(row["segments"]) if row["segments"] else None,
        float(row["seconds"]),
        row["output"],
        row.get("sha256", ""),
    )
