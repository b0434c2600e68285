"""Straight lines between depth and softness of the caging potential at several temperatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BulkCaging:
    """Caging potential of a whole liquid at one temperature, with standard errors.

    Attributes
    ----------
    temperature : float, energy
        k_B T.
    depth_q, depth_q_error : float
        −βΦ(0) from the structure factor.
    inverse_softness, inverse_softness_error : float, 1/length²
        1/S, the curvature of βΦ at 0.
    depth_r, depth_r_error : float
        From g(r) of the first shell.
    limits : tuple of (neighbour, r_lo, r_hi), length
        Of the integral over r.
    q_max : float, 1/length
        End of the integrals over q.
    species : str
        Of the central particle of depth_r.

    Examples
    --------
    >>> one = BulkCaging(0.5, 107.0, 1.0, 1250.0, 20.0, 17.0, 0.1, (("A", 0.9, 1.4),), 20.0, "A")
    >>> one.softness, round(one.softness_error, 9), BulkCaging.from_dict(one.to_dict()) == one
    (0.0008, 1.28e-05, True)
    """

    temperature: float
    depth_q: float
    depth_q_error: float
    inverse_softness: float
    inverse_softness_error: float
    depth_r: float
    depth_r_error: float
    limits: tuple[tuple[str, float, float], ...]
    q_max: float
    species: str

    @property
    def softness(self) -> float:
        """S, length²."""
        return 1.0 / self.inverse_softness

    @property
    def softness_error(self) -> float:
        """Standard error of S, length²."""
        return self.inverse_softness_error / self.inverse_softness**2

    def to_dict(self) -> dict[str, Any]:
        """Return the fields in plain values."""
        return {**asdict(self), "limits": [list(limit) for limit in self.limits]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> BulkCaging:
        """Return what `to_dict` described."""
        return cls(**{**plain, "limits": tuple(tuple(limit) for limit in plain["limits"])})


@dataclass(frozen=True)
class Line:
    """A straight line by least squares, all points alike.

    Attributes
    ----------
    intercept, slope, intercept_error, slope_error : float
        Standard errors from the residuals; NaN with two points.
    r_squared : float
        1 minus the variance of the residuals over that of the ordinate; NaN with two points, which every line meets.
    residuals : tuple of float
        Ordinate minus line, point by point.

    Examples
    --------
    >>> line = Line.fit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0])
    >>> round(line.intercept, 12), round(line.slope, 12), round(line.r_squared, 12)
    (1.0, 2.0, 1.0)
    """

    intercept: float
    slope: float
    intercept_error: float
    slope_error: float
    r_squared: float
    residuals: tuple[float, ...]

    @classmethod
    def fit(cls, x: ArrayLike, y: ArrayLike) -> Line:
        """Return the line through points (x, y), (n,) each, at least two of which differ in x.

        Raises
        ------
        ParameterError
            If there are no two such points, or one is not finite.
        """
        x, y = np.asarray(x, float), np.asarray(y, float)
        if not (np.isfinite(x).all() and np.isfinite(y).all()) or len(np.unique(x)) < 2:
            raise ParameterError(
                f"A line needs at least two points that differ, all finite; got x = {x.tolist()}, y = {y.tolist()}."
            )
        n, mean, spread = len(x), x.mean(), ((x - x.mean()) ** 2).sum()
        slope = ((x - mean) * y).sum() / spread
        intercept = y.mean() - slope * mean
        residuals = y - intercept - slope * x
        left = float((residuals**2).sum())
        variance = left / (n - 2) if n > 2 else np.nan
        total = float(((y - y.mean()) ** 2).sum())
        r_squared = 1 - left / total if n > 2 and total > 0 else np.nan
        return cls(
            float(intercept),
            float(slope),
            float(np.sqrt(variance * (1 / n + mean**2 / spread))),
            float(np.sqrt(variance / spread)),
            float(r_squared),
            tuple(residuals.tolist()),
        )

    def at(self, x: ArrayLike) -> Array:
        """Return the line at x."""
        return np.asarray(self.intercept + self.slope * np.asarray(x, float))


@dataclass(frozen=True)
class CagingMap:
    r"""How softness follows from depth: three lines through the same temperatures.

    .. math:: \frac{1}{S} = a_0 + a_1 d_q, \qquad d_q = b_0 + b_1 d_r, \qquad \frac{1}{S} = c_0 + c_1 d_r

    Parameters
    ----------
    a, b, c : Line
        The third is fitted by itself. a_0 + a_1 b_0 and a_1 b_1, as the letter has it, are `composed`; the two agree where the lines are
        straight.
    temperatures : tuple of float, energy
        k_B T of the points, in the order of the residuals.
    q_max : float, 1/length
        To which the softness belongs.

    Notes
    -----
    **Scale** c_0 and c_1 are inverse areas; about 320 and 60 σ⁻² for the Kob-Andersen mixture ("quad") at density 1.2
    and q_max = 20, from T = 0.47 to 0.6.
    **Differs from** the letter, whose eq. 7 omits β in front of Φ; depths here are −βΦ.
    **Cost** none.

    References
    ----------
    Sharma, Nandi, Maitra Bhattacharyya (2022), eq. 7 and Fig. 1.

    Examples
    --------
    >>> points = [
    ...     BulkCaging(t, 10 + 5 * d, 0.1, 60 + 50 * d, 1.0, d, 0.1, (("A", 0.9, 1.4),), 20.0, "A")
    ...     for t, d in ((1.0, 8.0), (0.7, 12.0), (0.5, 17.0))
    ... ]
    >>> found = fit_caging_map(points)
    >>> round(found.c0, 9), round(found.c1, 9), found.softness([8.0, -2.0]).round(6).tolist()
    (60.0, 50.0, [0.002174, nan])
    >>> found.flagged([8.0, -2.0]).tolist(), CagingMap.from_dict(found.to_dict()) == found
    ([False, True], True)
    """

    a: Line
    b: Line
    c: Line
    temperatures: tuple[float, ...]
    q_max: float

    @property
    def a0(self) -> float:
        """Intercept of 1/S against d_q."""
        return self.a.intercept

    @property
    def a1(self) -> float:
        """Slope of 1/S against d_q."""
        return self.a.slope

    @property
    def b0(self) -> float:
        """Intercept of d_q against d_r."""
        return self.b.intercept

    @property
    def b1(self) -> float:
        """Slope of d_q against d_r."""
        return self.b.slope

    @property
    def c0(self) -> float:
        """Intercept of 1/S against d_r."""
        return self.c.intercept

    @property
    def c1(self) -> float:
        """Slope of 1/S against d_r."""
        return self.c.slope

    @property
    def composed(self) -> tuple[float, float]:
        """c_0 = a_0 + a_1 b_0 and c_1 = a_1 b_1, from the other two lines."""
        return self.a0 + self.a1 * self.b0, self.a1 * self.b1

    @property
    def r_squared(self) -> dict[str, float]:
        """Of the lines a, b, c."""
        return {"a": self.a.r_squared, "b": self.b.r_squared, "c": self.c.r_squared}

    @property
    def errors(self) -> dict[str, float]:
        """Standard errors of a0, a1, b0, b1, c0, c1."""
        lines = {"a": self.a, "b": self.b, "c": self.c}
        return {
            f"{name}{k}": error
            for name, line in lines.items()
            for k, error in enumerate((line.intercept_error, line.slope_error))
        }

    def softness(self, depth: ArrayLike) -> Array:
        """Return S = 1/(c_0 + c_1 d) for depths d_r of any shape, length²; NaN where `flagged`."""
        stiffness = self.c.at(depth)
        return np.asarray(1.0 / np.where(stiffness > 0, stiffness, np.nan))

    def flagged(self, depth: ArrayLike) -> NDArray[np.bool_]:
        """Return where c_0 + c_1 d is not positive: too shallow for the line to give a minimum."""
        return np.asarray(self.c.at(depth) <= 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields in plain values; numbers that are not finite are None."""
        lines = {
            name: {k: _plain(v) for k, v in asdict(getattr(self, name)).items()} for name in ("a", "b", "c")
        }
        return {**lines, "temperatures": list(self.temperatures), "q_max": self.q_max}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> CagingMap:
        """Return what `to_dict` described."""
        a, b, c = (Line(**{k: _back(v) for k, v in plain[name].items()}) for name in ("a", "b", "c"))
        return cls(a, b, c, tuple(plain["temperatures"]), plain["q_max"])


def fit_caging_map(bulk: Sequence[BulkCaging]) -> CagingMap:
    """Return the lines through several temperatures.

    Parameters
    ----------
    bulk : sequence of BulkCaging
        At least two temperatures; with one `q_max` and one central species.

    Returns
    -------
    CagingMap

    Raises
    ------
    ParameterError
        If there are fewer than two, or conventions differ.

    Notes
    -----
    Points count alike: they leave the lines by more than their statistical errors.
    """
    if len(bulk) < 2:
        raise ParameterError(f"The caging map needs at least two temperatures; there are {len(bulk)}.")
    conventions = {(one.q_max, one.species) for one in bulk}
    if len(conventions) > 1:
        raise ParameterError(
            f"All points of the caging map must have one `q_max` and one species; they have {sorted(conventions)}."
        )
    depth_q, stiffness, depth_r = (
        [getattr(one, key) for one in bulk] for key in ("depth_q", "inverse_softness", "depth_r")
    )
    return CagingMap(
        Line.fit(depth_q, stiffness),
        Line.fit(depth_r, depth_q),
        Line.fit(depth_r, stiffness),
        tuple(one.temperature for one in bulk),
        bulk[0].q_max,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return None if np.isnan(value) else value


def _back(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return float("nan") if value is None else value
