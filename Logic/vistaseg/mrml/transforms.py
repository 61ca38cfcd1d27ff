"""Positions in a node's own coordinates and in the world, whatever transforms lie between."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from vistaseg.prompts import Ras

Matrix = np.ndarray


def to_local(node: Any, world: Ras) -> Ras:
    """World RAS, such as the cursor's or a markup's, in the coordinates of a node; mm."""
    return _apply(transform_between(None, node), world)


def to_world(node: Any, local: Ras) -> Ras:
    """A position in the coordinates of a node in world RAS; mm."""
    return _apply(transform_between(node, None), local)


def transform_between(source: Any, target: Any) -> Any:
    """vtkGeneralTransform from the coordinates of one node to those of another; None stands for the world."""
    transform = vtk.vtkGeneralTransform()
    parents = [node.GetParentTransformNode() if node is not None else None for node in (source, target)]
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(*parents, transform)
    return transform


def linear_part(transform: Any) -> Matrix | None:
    """The (4, 4) matrix of a linear transform, None for one that bends."""
    concatenated = vtk.vtkTransform()
    if not slicer.vtkMRMLTransformNode.IsGeneralTransformLinear(transform, concatenated):
        return None
    return array_from_matrix(concatenated.GetMatrix())


def array_from_matrix(matrix: Any) -> Matrix:
    """(4, 4) float64 copy of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def matrix_from_array(array: Matrix) -> Any:
    """A vtkMatrix4x4 with the values of a (4, 4) array."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, dtype=float).ravel().tolist())
    return matrix


def _apply(transform: Any, position: Ras) -> Ras:
    r, a, s = transform.TransformPoint([float(value) for value in position])
    return r, a, s
