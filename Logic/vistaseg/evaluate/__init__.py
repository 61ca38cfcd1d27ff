"""How good a model is in the hands of a user: simulated clicks, Dice and surface Dice against a truth."""

from vistaseg.evaluate.case import automatic_masks, evaluate_case
from vistaseg.evaluate.clicks import next_click
from vistaseg.evaluate.cohort import CaseFiles, EvaluationPlan, evaluate_files, read_cohort
from vistaseg.evaluate.combinations import Combination, ask_once, combination_name, parse_combinations
from vistaseg.evaluate.confidence import POOR_DICE, Agreement, agreement, confidence_agreement
from vistaseg.evaluate.curves import Curve, mean_curve, mean_curves
from vistaseg.evaluate.falls import count_falls
from vistaseg.evaluate.metrics import TOLERANCE_MM, Scores, area_under_curve, score
from vistaseg.evaluate.picture import picture_png, require_matplotlib
from vistaseg.evaluate.report import case_as_dict, curve_as_dict
from vistaseg.evaluate.results import CaseResult, EvaluatedStep, FailedCase, Prompted, StructureResult
from vistaseg.evaluate.simulation import bounding_box, simulate
from vistaseg.evaluate.table import prompt_table, score_tables
from vistaseg.evaluate.truth import GroundTruthStructure, Truth, read_names, read_truth

__all__ = [
    "POOR_DICE",
    "TOLERANCE_MM",
    "Agreement",
    "CaseFiles",
    "CaseResult",
    "Combination",
    "Curve",
    "FailedCase",
    "EvaluationPlan",
    "Prompted",
    "Scores",
    "EvaluatedStep",
    "StructureResult",
    "GroundTruthStructure",
    "Truth",
    "agreement",
    "area_under_curve",
    "ask_once",
    "automatic_masks",
    "bounding_box",
    "case_as_dict",
    "combination_name",
    "confidence_agreement",
    "count_falls",
    "curve_as_dict",
    "evaluate_case",
    "evaluate_files",
    "mean_curve",
    "mean_curves",
    "next_click",
    "parse_combinations",
    "picture_png",
    "prompt_table",
    "read_cohort",
    "read_names",
    "read_truth",
    "require_matplotlib",
    "score",
    "score_tables",
    "simulate",
]
