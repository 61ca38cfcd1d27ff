"""What an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass

from vistaseg.evaluate.metrics import Scores
from vistaseg.prompts import Prompt


@dataclass(frozen=True)
class EvaluatedStep:
    """A structure after a prompt.

    Attributes:
        clicks: how many clicks were made; 0 after the box alone.
        dice, surface_dice: of the answer, see `Scores`.
        seconds: that the answer took.
        peak_bytes: the most memory that the process had had by then.
        prompt: of this step; None where nothing was left to correct.
        note: what the session said of it, such as why it refused it; may be empty.
    """

    clicks: int
    dice: float
    surface_dice: float
    seconds: float
    peak_bytes: int
    prompt: Prompt | None
    note: str = ""


@dataclass(frozen=True)
class Prompted:
    """A structure after prompts of several kinds, given a single time.

    Attributes:
        kinds: of the prompts: "text+box".
        scores: of the answer; None where the model knows no structure of that name.
        seconds: that the answer took.
        notes: what the session said of it, such as why it refused a prompt.
    """

    kinds: str
    scores: Scores | None
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StructureResult:
    """A structure of a case.

    Attributes:
        name: of the structure.
        class_id: that it was clicked as; None: without a class, zero-shot.
        steps: the box, if there was one, and each click.
        automatic: scores of the automatic answer; None where the model does not know the structure.
        confidence: how sure the model is of that answer, 0 to 1; None where it says nothing, or found nothing.
        prompted: for each combination of prompts.
    """

    name: str
    class_id: int | None
    steps: tuple[EvaluatedStep, ...]
    automatic: Scores | None = None
    confidence: float | None = None
    prompted: tuple[Prompted, ...] = ()


@dataclass(frozen=True)
class CaseResult:
    """A case.

    Attributes:
        name: of the case.
        structures: in the order of the truth.
        notes: what is doubtful about it, a sentence or two each.
    """

    name: str
    structures: tuple[StructureResult, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FailedCase:
    """A case that could not be evaluated, and why."""

    name: str
    reason: str
