"""A plane in the space of standardised structure functions: the scaler and the one place where it is evaluated."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ShapeError
from vitrify.predictors import _kernels


def standardisation(
    features: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return mean, standard deviation (1 where there is none) and whether a column varies at all.

    A column of tiny variance can carry information (the tail of the closest neighbour), so it is kept; deviations are
    divided by their largest before they are squared, lest they underflow.

    Parameters
    ----------
    features : (n, M) float

    Returns
    -------
    mean, scale : (M,) float
    varies : (M,) bool

    Examples
    --------
    >>> mean, scale, varies = standardisation(np.array([[0.0, 5.0], [2.0, 5.0]]))
    >>> mean.tolist(), scale.tolist(), varies.tolist()
    ([1.0, 5.0], [1.0, 1.0], [True, False])
    """
    varies = features.max(axis=0) > features.min(axis=0)
    mean = features.mean(axis=0)
    largest = np.zeros_like(mean)
    total = np.zeros_like(mean)
    for rows in np.array_split(features, max(1, len(features) // 4096)):
        np.maximum(largest, np.abs(rows - mean).max(axis=0), out=largest)
    largest[~varies] = 1.0
    for rows in np.array_split(features, max(1, len(features) // 4096)):
        total += np.square((rows - mean) / largest).sum(axis=0)
    scale = np.where(varies, largest * np.sqrt(total / len(features)), 1.0)
    return mean, scale, varies


def evaluate_plane(
    features: ArrayLike,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    weights: NDArray[np.float64],
    bias: float,
) -> NDArray[np.float64]:
    """Return weights · (features − mean) / scale + bias of each row, summed in a fixed order.

    Parameters
    ----------
    features : (n, M) array_like
    mean, scale, weights : (M,) float
    bias : float

    Returns
    -------
    (n,) float
        The same bits whatever the other rows are.

    Examples
    --------
    >>> evaluate_plane([[3.0, 0.0]], np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.array([2.0, -1.0]), 0.5).tolist()
    [2.5]
    """
    rows = np.ascontiguousarray(features, dtype=np.float64)
    out = np.empty(len(rows))
    _kernels.linear_score(rows, mean, scale, weights, bias, out)
    return out


def evaluate_rows(
    features: ArrayLike,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    weights: NDArray[np.float64],
    bias: float,
) -> NDArray[np.float64]:
    """Return `evaluate_plane` of rows that somebody gave, once they are seen to have one column per feature.

    Raises
    ------
    ShapeError
        If there are not M columns.
    """
    rows = np.ascontiguousarray(features, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(weights):
        raise ShapeError(
            f"`features` must have shape (n, {len(weights)}), one column per feature; it has {rows.shape}."
        )
    return evaluate_plane(rows, mean, scale, weights, bias)
