from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid


def rotation(quaternion: tuple[float, float, float, float]) -> np.ndarray:
    a, b, c, d = np.array(quaternion) / np.linalg.norm(quaternion)
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    part = st.floats(-1, 1)
    quaternion = draw(st.tuples(part, part, part, part).filter(lambda q: np.linalg.norm(q) > 0.1))
    spacing = [draw(st.floats(0.3, 6)) for _ in range(3)]
    signs = [draw(st.sampled_from([-1, 1])) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = rotation(quaternion) * signs * spacing
    affine[:3, 3] = [draw(st.floats(-1000, 1000)) for _ in range(3)]
    return affine


def oriented(code: str, spacing: tuple[float, float, float] = (1.0, 2.0, 3.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, letter in enumerate(code):
        row = "RASLPI".index(letter) % 3
        affine[row, column] = spacing[column] * (1 if letter in "RAS" else -1)
    return affine


@given(affines(), st.lists(st.tuples(*[st.floats(-50, 600)] * 3), min_size=1, max_size=5))
def test_index_to_ras_and_back_is_exact_to_a_millionth(affine: np.ndarray, indices: list) -> None:
    grid = Grid((10, 20, 30), affine)
    back = grid.ras_to_index(grid.index_to_ras(indices))
    assert np.abs(back - np.array(indices)).max() < 1e-6


@given(affines(), st.lists(st.tuples(*[st.floats(-2000, 2000)] * 3), min_size=1, max_size=5))
def test_ras_to_index_and_back_is_exact_to_a_nanometre(affine: np.ndarray, points: list) -> None:
    grid = Grid((10, 20, 30), affine)
    assert np.abs(grid.index_to_ras(grid.ras_to_index(points)) - np.array(points)).max() < 1e-6


@given(affines())
def test_spacing_is_the_distance_between_neighbouring_voxels(affine: np.ndarray) -> None:
    grid = Grid((4, 4, 4), affine)
    origin, *neighbours = grid.index_to_ras([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert np.allclose(grid.spacing, [np.linalg.norm(point - origin) for point in neighbours])


@given(affines())
def test_rotated_grids_count_as_orthogonal_and_name_each_direction_once(affine: np.ndarray) -> None:
    grid = Grid((4, 4, 4), affine)
    assert grid.is_orthogonal
    assert sorted("RASRAS"["RASLPI".index(code)] for code in grid.orientation) == ["A", "R", "S"]


@given(affines())
@settings(max_examples=50)
def test_orientation_is_the_one_that_nibabel_finds(affine: np.ndarray) -> None:
    nibabel = pytest.importorskip("nibabel")
    assert Grid((4, 4, 4), affine).orientation == "".join(nibabel.aff2axcodes(affine))


@pytest.mark.parametrize("code", ["RAS", "LPS", "LAS", "PIR", "SRA", "IPL"])
def test_orientation_names_the_directions_in_which_indices_grow(code: str) -> None:
    assert Grid((2, 3, 4), oriented(code)).orientation == code


def test_orientation_of_an_oblique_grid_is_the_closest_one() -> None:
    tilt = np.eye(4)
    tilt[:3, :3] = rotation((1, 0.1, 0.2, 0.05))
    assert Grid((2, 3, 4), tilt @ oriented("LPS")).orientation == "LPS"


def test_a_crop_keeps_every_voxel_where_it_was() -> None:
    grid = Grid((10, 20, 30), oriented("PIR"))
    part = grid.cropped(VoxelBox((2, 3, 4), (5, 9, 11)))
    assert part.shape_ijk == (3, 6, 7)
    assert np.allclose(part.index_to_ras([[1, 1, 1]]), grid.index_to_ras([[3, 4, 5]]))


def test_the_matrix_of_a_grid_cannot_be_changed() -> None:
    given_matrix = oriented("RAS")
    grid = Grid((2, 2, 2), given_matrix)
    with pytest.raises(ValueError, match="read-only"):
        grid.ijk_to_ras[0, 3] = 5
    given_matrix[0, 3] = 5
    assert grid.ijk_to_ras[0, 3] == 0


def test_shear_is_refused_where_right_angles_are_needed() -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.1
    grid = Grid((4, 4, 4), sheared)
    assert not grid.is_orthogonal
    with pytest.raises(InputError, match="not at right angles"):
        grid.require_orthogonal("resampling")


def test_shear_of_a_rounded_header_is_accepted() -> None:
    rounded = np.eye(4)
    rounded[:3, :3] = np.round(rotation((1, 0.1, 0.2, 0.05)), 4)
    Grid((4, 4, 4), rounded).require_orthogonal("resampling")


def spoiled(row: int, column: int, value: float) -> np.ndarray:
    affine = np.eye(4)
    affine[row, column] = value
    return affine


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (spoiled(1, 1, 0.0), "spacing of the volume is 0"),
        (spoiled(0, 3, np.nan), "not numbers"),
        (spoiled(3, 0, 1.0), "not a 4x4 affine"),
        (np.eye(3), "not a 4x4 affine"),
        (np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), "singular"),
        (np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1.0]]), "singular"),
    ],
)
def test_a_matrix_that_places_no_volume_is_refused(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Grid((2, 2, 2), matrix)
