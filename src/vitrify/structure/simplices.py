"""How regular simplices are: tetrahedra, quarters of octahedra, and their like in the plane."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ShapeError

Array = NDArray[np.float64]


def edge_lengths(vertices: ArrayLike) -> Array:
    """Return the lengths of all edges of simplices.

    Parameters
    ----------
    vertices : (…, d + 1, d) array_like, length
        Of tetrahedra in three dimensions, triangles in two.

    Returns
    -------
    (…, d (d + 1) / 2) float, length

    Raises
    ------
    ShapeError
        If there are not d + 1 vertices in d = 2 or 3 dimensions.

    Examples
    --------
    >>> edge_lengths([[0, 0], [3, 0], [0, 4]]).tolist()
    [3.0, 4.0, 5.0]
    """
    points = np.asarray(vertices, np.float64)
    if points.ndim < 2 or points.shape[-1] not in (2, 3) or points.shape[-2] != points.shape[-1] + 1:
        raise ShapeError(
            f"`vertices` must be (…, 4, 3) or (…, 3, 2): d + 1 corners in d dimensions; the shape is {points.shape}."
        )
    first, second = np.transpose(list(combinations(range(points.shape[-2]), 2)))
    return np.asarray(np.linalg.norm(points[..., second, :] - points[..., first, :], axis=-1))


def tetrahedricity(vertices: ArrayLike) -> Array:
    r"""Return how far tetrahedra are from the regular one.

    .. math:: \chi_T = \frac{1}{N_p \langle e \rangle^2} \sum_{i<j} (e_i - e_j)^2

    over the :math:`N_p = 15` pairs of the six edges e.

    Parameters
    ----------
    vertices : (…, d + 1, d) array_like, length
        In two dimensions the three edges of triangles make 3 pairs.

    Returns
    -------
    (…) float
        0 for the regular tetrahedron (triangle).

    Raises
    ------
    ShapeError
        If there are not d + 1 vertices in d = 2 or 3 dimensions.

    Notes
    -----
    **Scale**: 0.050 for a quarter of a regular octahedron, 0.071 for a corner of a cube. **Differs from** codes that sum over ordered
    pairs, twice as much, or divide by 15 ⟨e²⟩. **Invariant under** translations, rotations, scaling. **Cost** none.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 2.2.
    Medvedev, Naberukhin, J. Non-Cryst. Solids 94, 402 (1987).

    Examples
    --------
    >>> float(tetrahedricity([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]))
    0.0
    """
    return _inequality(edge_lengths(vertices), None)


def octahedricity(vertices: ArrayLike) -> Array:
    r"""Return how far tetrahedra are from a quarter of the regular octahedron, one edge of which is √2 times the others.

    .. math:: \chi_O = \frac{1}{N_p \langle e \rangle^2} \sum_{i<j} \Big( \frac{e_i}{\lambda_i} - \frac{e_j}{\lambda_j} \Big)^2

    with :math:`\lambda = \sqrt 2` for the longest edge (one of them, if several are equal) and 1 for the others.

    Parameters
    ----------
    vertices : (…, d + 1, d) array_like, length
        In two dimensions 0 is half a square.

    Returns
    -------
    (…) float
        0 for the quarter octahedron.

    Raises
    ------
    ShapeError
        If there are not d + 1 vertices in d = 2 or 3 dimensions.

    Notes
    -----
    **Scale**: 0.0286 for the regular tetrahedron, so a threshold must be below. **Differs from** the mean of the rescaled edges in the
    denominator, with which that would be 0.0316. **Invariant under** translations, rotations, scaling. **Cost** none.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 2.3.
    Medvedev, Naberukhin, J. Non-Cryst. Solids 94, 402 (1987).

    Examples
    --------
    >>> round(float(octahedricity([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]])), 6)
    0.028595
    """
    edges = edge_lengths(vertices)
    return _inequality(edges, np.argmax(edges, axis=-1))


def _inequality(edges: Array, longest: NDArray[np.int64] | None) -> Array:
    """Squared differences of all pairs over their number and the squared mean; `longest` counts for 1/√2 of itself."""
    scaled = edges.copy()
    if longest is not None:
        at = np.asarray(longest)[..., None]
        np.put_along_axis(scaled, at, np.take_along_axis(edges, at, -1) / np.sqrt(2), -1)
    n = edges.shape[-1]
    first, second = np.transpose(list(combinations(range(n), 2)))
    squares = ((scaled[..., first] - scaled[..., second]) ** 2).sum(axis=-1)
    return np.asarray(squares / (len(first) * edges.mean(axis=-1) ** 2))
