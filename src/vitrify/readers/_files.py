"""What several readers need: frames counted over several files, coordinates that are numbers, a box typed by the user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import FileFormatError, ParameterError

SINGLE, DOUBLE = 7, 16
_ENOUGH_DIGITS = 8


def spans(counts: Sequence[int], start: int = 0, stop: int | None = None) -> Iterator[tuple[int, range]]:
    """Yield which file, and which of its frames, that together are frames [start, stop) of all files.

    Parameters
    ----------
    counts : sequence of int
        Frames in each file.
    start, stop : int
        As in a slice.
    """
    chosen = range(sum(counts))[start:stop]
    before = 0
    for file, count in enumerate(counts):
        own = range(max(chosen.start - before, 0), min(chosen.stop - before, count))
        if own:
            yield file, own
        before += count


def require_finite(
    positions: NDArray[np.float64], label: str, ids: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Return positions, all of which are numbers.

    Raises
    ------
    FileFormatError
        Naming the frame and the first particle.
    """
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if len(bad):
        k = int(bad[0])
        who = f"row {k}" if ids is None else f"row {k}, id {ids[k]}"
        raise FileFormatError(
            f"{label}: {len(bad)} of {len(positions)} particles have coordinates that are not finite; the first is "
            f"{who}, at {positions[k].tolist()}. Write the frame again, or leave it out."
        )
    return positions


def typed_numbers(given: str | Sequence[float] | None, name: str) -> tuple[float, ...] | None:
    """Return numbers that may have come as text, "10 10 12.5" or "10,10,12.5".

    Raises
    ------
    ParameterError
        If one of them is not a number.
    """
    if given is None:
        return None
    parts = given.replace(",", " ").split() if isinstance(given, str) else list(np.ravel(given))
    try:
        numbers = tuple(float(p) for p in parts)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not np.isfinite(numbers).all():
        raise ParameterError(f"`{name}` needs numbers, as in '10 10 12.5'; it is '{given}'.")
    return numbers


def typed_vectors(numbers: Sequence[float], dimension: int, name: str) -> NDArray[np.float64]:
    """Return cell vectors, (d, d), from d edges or from all d² components, vector after vector.

    Raises
    ------
    ParameterError
        If there are neither d nor d² numbers, or the cell has no volume.
    """
    values = np.array(numbers, np.float64)
    if len(values) not in (dimension, dimension**2):
        raise ParameterError(
            f"`{name}` needs {dimension} edges or {dimension**2} components of the cell vectors in {dimension}D; it has "
            f"{len(values)} numbers."
        )
    if len(values) == dimension and (values <= 0).any():
        raise ParameterError(f"`{name}` needs edges that are positive; they are {tuple(numbers)}.")
    vectors = np.diag(values) if len(values) == dimension else values.reshape(dimension, dimension)
    if abs(np.linalg.det(vectors)) <= 1e-12 * np.prod(np.linalg.norm(vectors, axis=1)):
        raise ParameterError(f"`{name}` spans no volume: {vectors.tolist()}.")
    return vectors


def digits_note(digits: int | None) -> list[str]:
    """Return what too few significant digits mean; nothing if they suffice or are not known."""
    if digits is None or digits >= _ENOUGH_DIGITS:
        return []
    return [
        f"Positions have about {digits} significant digits. That is enough for rearrangements, and too few for the small "
        "displacements between inherent structures: write them with more digits, or in double precision."
    ]
