"""How well a number per particle predicts rearrangements, and on how many of them the answer rests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError

ONE_SIGMA = 0.6826894921370859


@dataclass(frozen=True)
class Score:
    """A value with its interval and what it rests on.

    Parameters
    ----------
    value, low, high : float
    n_events : int
        Rearrangements behind it.
    n : int
        All observations behind it.
    confidence : float
        Of the interval [low, high].
    """

    value: float
    low: float
    high: float
    n_events: int
    n: int
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def _quantile(confidence: float) -> float:
    """Half-width, in standard deviations, of the central interval of a normal distribution."""
    from scipy.special import ndtri

    if not 0 < confidence < 1:
        raise ParameterError(f"`confidence` must lie between 0 and 1; it is {confidence}.")
    return float(ndtri(0.5 + 0.5 * confidence))


def wilson_interval(k: int, n: int, confidence: float = ONE_SIGMA) -> tuple[float, float]:
    """Return the interval of a probability from `k` successes in `n` trials; sensible at 0 and n.

    Raises
    ------
    TooFewEventsError
        If `n` is 0.

    References
    ----------
    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).

    Examples
    --------
    >>> low, high = wilson_interval(9, 10)
    >>> round(low, 3), round(high, 3)
    (0.766, 0.961)
    """
    if n < 1:
        raise TooFewEventsError("A fraction of no events has no value; there are n = 0.")
    z = _quantile(confidence)
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if k == 0 else float(centre - half)), (1.0 if k == n else float(centre + half))


def accuracy(softness: ArrayLike, labels: ArrayLike, *, confidence: float = ONE_SIGMA) -> Score:
    """Return the fraction of examples on their side of the plane, with its binomial interval.

    Parameters
    ----------
    softness : (n,) array_like
    labels : (n,) array_like
        Positive means soft.
    confidence : float, default one standard deviation

    Raises
    ------
    ShapeError, TooFewEventsError

    Examples
    --------
    >>> score = accuracy([1.2, -0.3, -2.0, 0.4], [1, 1, -1, -1])
    >>> score.value, score.n_events, score.n
    (0.5, 2, 4)
    """
    values, soft = _paired(softness, np.asarray(labels) > 0, "labels")
    k = int(np.count_nonzero((values > 0) == soft))
    low, high = wilson_interval(k, len(values), confidence)
    return Score(k / len(values), low, high, int(soft.sum()), len(values), confidence)


def fraction_soft(softness: ArrayLike, *, confidence: float = ONE_SIGMA) -> Score:
    """Return P(S > 0 | R), the fraction of rearranging particles that are soft, with its Wilson interval.

    Parameters
    ----------
    softness : (n,) array_like
        Of particles about to rearrange, one per event; events that were not trained on.
    confidence : float, default one standard deviation

    Raises
    ------
    TooFewEventsError
        If there are none.

    References
    ----------
    Schoenholz, Cubuk, Sussman, Kaxiras, Liu, Nature Physics 12, 469 (2016), Fig. 1b.

    Examples
    --------
    >>> score = fraction_soft([0.5, 1.0, -0.2, 2.0])
    >>> score.value, score.n_events
    (0.75, 4)
    """
    values = _finite(softness)
    k, n = int(np.count_nonzero(values > 0)), len(values)
    low, high = wilson_interval(k, n, confidence)
    return Score(k / n, low, high, n, n, confidence)


def roc_area(
    softness: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    confidence: float = ONE_SIGMA,
) -> Score:
    """Return the area under the receiver operating characteristic: P(S of a soft > S of a hard example).

    Parameters
    ----------
    softness : (n,) array_like
    labels : (n,) array_like
        Positive means soft. Ties of softness count half.
    groups : (n,) array_like, optional
        Trajectory segment of each example; examples of one segment are then allowed to be correlated.
    confidence : float, default one standard deviation

    Raises
    ------
    TooFewEventsError
        If a class has fewer than two examples or there are fewer than two groups.

    Notes
    -----
    The error is DeLong's; with `groups`, Obuchowski's for clustered observations. Where all pairs are ordered the same
    way it would vanish, and the Wilson interval for the smaller class is given.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson, Biometrics 44, 837 (1988). Obuchowski, Biometrics 53, 567 (1997).

    Examples
    --------
    >>> score = roc_area([0.1, 0.4, 0.35, 0.8], [-1, -1, 1, 1])
    >>> score.value, score.n_events
    (0.75, 2)
    """
    values, soft = _paired(softness, np.asarray(labels) > 0, "labels")
    m, n = int(soft.sum()), int((~soft).sum())
    if min(m, n) < 2:
        raise TooFewEventsError(
            f"The area under the curve needs two examples of each class; there are {m} and {n}."
        )
    of_soft, of_hard = _placements(values, soft)
    area = float(of_soft.mean())
    if groups is None:
        variance = of_soft.var(ddof=1) / m + of_hard.var(ddof=1) / n
    else:
        variance = _clustered_variance(of_soft, of_hard, soft, np.asarray(groups), area)
    if variance <= 0:
        low, high = wilson_interval(round(area * min(m, n)), min(m, n), confidence)
    else:
        half = _quantile(confidence) * float(np.sqrt(variance))
        low, high = max(0.0, area - half), min(1.0, area + half)
    return Score(area, low, high, m, m + n, confidence)


def _placements(
    values: NDArray[np.float64], soft: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each soft example the fraction of hard ones below it, for each hard one the fraction of soft ones above."""
    from scipy.stats import rankdata

    rank = rankdata(values)
    m, n = int(soft.sum()), int((~soft).sum())
    of_soft = (rank[soft] - rankdata(values[soft])) / n
    of_hard = 1.0 - (rank[~soft] - rankdata(values[~soft])) / m
    return of_soft, of_hard


def _clustered_variance(
    of_soft: NDArray[np.float64],
    of_hard: NDArray[np.float64],
    soft: NDArray[np.bool_],
    groups: NDArray[Any],
    area: float,
) -> float:
    if groups.shape != soft.shape:
        raise ShapeError(f"`groups` needs one entry per example, {len(soft)}; it has shape {groups.shape}.")
    names, index = np.unique(groups, return_inverse=True)
    k = len(names)
    if k < 2:
        raise TooFewEventsError(f"An error over groups needs at least two groups; `groups` names {k}.")
    a = np.bincount(index[soft], of_soft - area, minlength=k)
    b = np.bincount(index[~soft], of_hard - area, minlength=k)
    k_soft, k_hard = (max(2, len(np.unique(index[mask]))) for mask in (soft, ~soft))
    m, n = len(of_soft), len(of_hard)
    own = k_soft / (k_soft - 1) * (a @ a) / m**2 + k_hard / (k_hard - 1) * (b @ b) / n**2
    return float(own + 2 * k / (k - 1) * (a @ b) / (m * n))


@dataclass(frozen=True)
class QRatio:
    """Contrast of a predictor and the two counts it rests on.

    Parameters
    ----------
    value : float
        The ratio; where no event was seen below, its lower bound; NaN without any event.
    low, high : float
        Interval of the ratio; infinite above where only a lower bound exists.
    bound : {"", "lower", "upper", "none"}
        "lower": no event in the low group; "upper": none in the high group; "none": no event at all.
    n_events_high, n_events_low : int
        Events in the groups X > mean + sd and X < mean − sd.
    exposure_high, exposure_low : float
        Particle-frames (or particle-time) at risk in the groups.
    confidence : float
    """

    value: float
    low: float
    high: float
    bound: str
    n_events_high: int
    n_events_low: int
    exposure_high: float
    exposure_low: float
    confidence: float

    @property
    def n_events(self) -> int:
        """Events in both groups."""
        return self.n_events_high + self.n_events_low

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def q_ratio(
    score: ArrayLike,
    events: ArrayLike,
    exposure: ArrayLike | None = None,
    *,
    confidence: float = ONE_SIGMA,
) -> QRatio:
    """Return Q = P_R(X > mean + sd) / P_R(X < mean − sd), the contrast of a structural quantity X.

    Parameters
    ----------
    score : (n,) array_like
        X, oriented so that rearrangements become likelier with it: softness, local energy, minus the coordination.
        One entry per observation (a particle at a frame, or over a stretch of frames).
    events : (n,) array_like of int or bool
        Rearrangements of each observation.
    exposure : (n,) array_like, optional
        Frames or time at risk of each observation, by default 1; mean and sd are weighted with it.
    confidence : float, default one standard deviation

    Raises
    ------
    ShapeError
        If the shapes do not agree.
    TooFewEventsError
        If a group holds no observation at risk.

    Notes
    -----
    **Scale**: 1. **Differs from**: values in the training set, which are several times larger than held-out ones.
    **Invariant under**: shifting X and multiplying it by a positive number. **Cost**: O(n).

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 6.3, eq. 6.5.

    Examples
    --------
    >>> q = q_ratio([-2.0, 0.0, 0.0, 0.0, 0.0, 2.0], [1, 0, 0, 0, 0, 8], [10, 1, 1, 1, 1, 10])
    >>> q.value, q.n_events_high, q.n_events_low
    (8.0, 8, 1)
    """
    values, counts = _paired(score, np.asarray(events), "events")
    weights = np.ones(len(values)) if exposure is None else np.asarray(exposure, dtype=np.float64)
    if weights.shape != values.shape or (weights < 0).any():
        raise ShapeError(
            f"`exposure` needs {len(values)} entries, none negative; its shape is {weights.shape}."
        )
    if (counts[weights == 0] > 0).any():
        raise ParameterError(
            f"{np.sum(counts[weights == 0])} events fall on observations whose `exposure` is 0: leave them out."
        )
    if not weights.sum() > 0:
        raise TooFewEventsError("No observation is at risk: the sum of `exposure` is 0.")
    mean = np.average(values, weights=weights)
    sd = np.sqrt(np.average((values - mean) ** 2, weights=weights))
    groups = [values > mean + sd, values < mean - sd]
    (n_high, n_low) = (int(counts[g].sum()) for g in groups)
    (exposure_high, exposure_low) = (float(weights[g].sum()) for g in groups)
    return q_ratio_from_counts(n_high, exposure_high, n_low, exposure_low, confidence=confidence)


def q_ratio_from_counts(
    n_high: int, exposure_high: float, n_low: int, exposure_low: float, *, confidence: float = ONE_SIGMA
) -> QRatio:
    """Return the ratio of two rates from their counts, for tallies added up over many frames.

    With events in both groups the interval is log-normal, var ln Q = 1/n_high + 1/n_low (Poisson counts). With none
    in one group it is the exact one-sided bound: given their sum, one of two Poisson counts is binomial.

    Parameters
    ----------
    n_high, n_low : int
        Events.
    exposure_high, exposure_low : float
        What the events are divided by; positive.
    confidence : float, default one standard deviation

    Raises
    ------
    TooFewEventsError
        If an exposure is 0.

    Examples
    --------
    >>> q = q_ratio_from_counts(121, 17184, 4, 17140)
    >>> round(q.value, 1), round(q.low, 1), round(q.high, 1)
    (30.2, 18.2, 50.2)
    >>> q_ratio_from_counts(20, 1000, 0, 1000).bound
    'lower'
    """
    if not (exposure_high > 0 and exposure_low > 0):
        raise TooFewEventsError(
            f"Q compares observations above mean + sd with those below mean - sd; their exposures are {exposure_high:g} "
            f"and {exposure_low:g}. Add frames, or take another measure for so skewed a quantity."
        )
    z = _quantile(confidence)
    exposures = exposure_low / exposure_high
    alpha = 1.0 - confidence
    value, low, high, bound = float("nan"), 0.0, float("inf"), "none"
    if n_high and n_low:
        value, bound = n_high / n_low * exposures, ""
        width = float(np.exp(z * np.sqrt(1 / n_high + 1 / n_low)))
        low, high = value / width, value * width
    elif n_high:
        p = alpha ** (1 / n_high)
        value = low = p / (1 - p) * exposures
        bound = "lower"
    elif n_low:
        p = alpha ** (1 / n_low)
        value, high, bound = 0.0, (1 - p) / p * exposures, "upper"
    return QRatio(value, low, high, bound, n_high, n_low, exposure_high, exposure_low, confidence)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ShapeError(
            f"Scores must be finite numbers of shape (n,); shape {array.shape}, {np.sum(~np.isfinite(array))} not finite."
        )
    return array


def _paired(values: ArrayLike, partner: NDArray[Any], name: str) -> tuple[NDArray[np.float64], NDArray[Any]]:
    array = _finite(values)
    if partner.shape != array.shape:
        raise ShapeError(f"`{name}` needs one entry per score, {len(array)}; it has shape {partner.shape}.")
    return array, partner
