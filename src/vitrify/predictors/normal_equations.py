"""Sums of products of features and targets, configuration by configuration: all that a linear fit needs of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError, TooFewEventsError, UnknownNameError

Array = NDArray[np.float64]

_ROWS = 8192  # of a block at a time: copies in float64 stay small
_ROUNDING = 1e-12  # of a sum of squares, left by subtracting what is left out


class Moments(NamedTuple):
    """Means and covariances over some configurations.

    Attributes
    ----------
    n : float
        Particles.
    mean : (M,) float
        Of the features.
    target_mean : (T,) float
    covariance : (M, M) float
        Of the features.
    cross : (M, T) float
        Covariance of features and targets.
    target_variance : (T,) float
    carriers : (M,) float
        Effective number of particles that carry the variance of a feature, (sum d²)² / sum d⁴ with d from the mean; 0 for a
        feature that does not vary.
    """

    n: float
    mean: Array
    target_mean: Array
    covariance: Array
    cross: Array
    target_variance: Array
    carriers: Array


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """Sums over the particles of each configuration, from which linear models of any subset of them follow.

    Made by `normal_equations`. All sums are of differences from `shift` and `target_shift`, so that little is lost where a
    mean is large compared with the spread.

    Parameters
    ----------
    configurations : tuple of K str
    feature_names : tuple of M str
    target_names : tuple of T str
    shift : (M,) float
    target_shift : (T,) float
    count : (K,) float
        Particles.
    powers : (4, K, M) float
        Sums of the first to fourth power of the features.
    gram : (K, M, M) float
        Sums of products of two features.
    cross : (K, M, T) float
        Sums of products of a feature and a target.
    target_powers : (2, K, T) float
        Sums of the first and second power of the targets.

    Notes
    -----
    **Scale**: sums, so that configurations add. **Differs from**: a table of features, of which nothing else is kept: memory
    8 K M² bytes, 11 MB a configuration for 1176 features, however many particles. **Invariant under**: the order of particles
    and how they were cut into blocks, to rounding. **Cost**: M² products a particle.
    """

    configurations: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    shift: Array
    target_shift: Array
    count: Array
    powers: Array
    gram: Array
    cross: Array
    target_powers: Array

    @property
    def n_configurations(self) -> int:
        """Number of configurations."""
        return len(self.configurations)

    def index(self, configurations: Iterable[str]) -> NDArray[np.int64]:
        """Return where configurations of these names stand, (n,).

        Raises
        ------
        UnknownNameError
            If there is none of a name.
        """
        places = {name: k for k, name in enumerate(self.configurations)}
        names = [str(name) for name in configurations]
        for name in names:
            if name not in places:
                raise UnknownNameError("configuration", name, places)
        return np.array([places[name] for name in names], np.int64)

    def select(self, features: Sequence[int] | NDArray[np.int64]) -> NormalEquations:
        """Return the equations of only these features, by their positions and in this order."""
        chosen = np.asarray(features, np.int64)
        return NormalEquations(
            self.configurations,
            tuple(self.feature_names[k] for k in chosen),
            self.target_names,
            self.shift[chosen],
            self.target_shift,
            self.count,
            self.powers[:, :, chosen],
            self.gram[:, chosen[:, None], chosen],
            self.cross[:, chosen],
            self.target_powers,
        )

    @cached_property
    def _total(self) -> tuple[Array, Array]:
        return self.gram.sum(axis=0), self.cross.sum(axis=0)

    def moments(self, configurations: ArrayLike | None = None, *, within: bool = False) -> Moments:
        """Return means and covariances over some configurations, given by their positions; all of them by default.

        Where more than half are asked for, those left out are subtracted from the total.

        Parameters
        ----------
        configurations : (n,) array_like of int, optional
        within : bool, default False
            Covariances about the mean of each configuration, in place of about the common mean.

        Raises
        ------
        TooFewEventsError
            If no configuration is asked for.
        """
        everything = np.arange(self.n_configurations)
        kept = everything if configurations is None else np.asarray(configurations, np.int64)
        if not len(kept):
            raise TooFewEventsError("A fit needs at least one configuration; none is left.")
        rest = np.setdiff1d(everything, kept)
        if len(rest) < len(kept):
            gram, cross = self._total[0].copy(), self._total[1].copy()
            for k in rest:
                gram -= self.gram[k]
                cross -= self.cross[k]
        else:
            gram, cross = self.gram[kept].sum(axis=0), self.cross[kept].sum(axis=0)
        n, first, target_first = self.count[kept], self.powers[0, kept], self.target_powers[0, kept]
        total = n.sum()
        mean, target_mean = first.sum(axis=0) / total, target_first.sum(axis=0) / total
        carriers = _carriers(total, self.powers[:, kept].sum(axis=1), self.powers[1].sum(axis=0))
        squares = self.target_powers[1, kept].sum(axis=0)
        if within:
            per_root = first / np.sqrt(n)[:, None]
            target_per_root = target_first / np.sqrt(n)[:, None]
        else:
            per_root, target_per_root = np.sqrt(total) * mean[None], np.sqrt(total) * target_mean[None]
        gram -= per_root.T @ per_root
        cross -= per_root.T @ target_per_root
        squares = squares - (target_per_root**2).sum(axis=0)
        return Moments(
            float(total),
            mean + self.shift,
            target_mean + self.target_shift,
            gram / total,
            cross / total,
            np.maximum(squares, 0.0) / total,
            carriers,
        )

    def agreement(
        self, configuration: int, weights: Array, bias: Array, target: NDArray[np.int64]
    ) -> tuple[Array, Array]:
        """Return how well linear models predict one configuration, without going back to its particles.

        Parameters
        ----------
        configuration : int
            Its position.
        weights : (M, L) float
            Of the features as they are, one column a model.
        bias : (L,) float
        target : (L,) int
            Which target each of them predicts.

        Returns
        -------
        pearson : (L,) float
            0 where the model predicts the same for all.
        squared_error : (L,) float
            Mean of (predicted − target)².

        Raises
        ------
        ParameterError
            If a target is the same for all particles.
        """
        n = self.count[configuration]
        mean, target_mean = self.powers[0, configuration] / n, self.target_powers[0, configuration] / n
        variance = self.target_powers[1, configuration] / n - target_mean**2
        if (variance[target] <= 0).any():
            raise ParameterError(
                f"Nothing can be correlated with '{self.target_names[target[np.argmin(variance[target])]]}': it is the same for all "
                f"{n:g} particles of configuration '{self.configurations[configuration]}'."
            )
        predicted = mean @ weights
        spread = ((self.gram[configuration] @ weights) * weights).sum(axis=0) / n - predicted**2
        covariance = (self.cross[configuration][:, target] * weights).sum(axis=0) / n
        covariance -= predicted * target_mean[target]
        spread = np.maximum(spread, 0.0)
        varies = spread > _ROUNDING * variance[target]
        product = np.sqrt(np.where(varies, spread, 1.0) * variance[target])
        pearson = np.where(varies, covariance / product, 0.0)
        offset = predicted + self.shift @ weights + bias - target_mean[target] - self.target_shift[target]
        error = spread - 2 * covariance + variance[target] + offset**2
        return np.clip(pearson, -1.0, 1.0), np.maximum(error, 0.0)


def normal_equations(
    blocks: Iterable[tuple[object, ArrayLike, ArrayLike]],
    feature_names: Sequence[str],
    target_names: Sequence[str] = ("target",),
) -> NormalEquations:
    """Sum over particles that come in blocks, so that the table of features need never be in memory as a whole.

    Parameters
    ----------
    blocks : iterable of (configuration, (n, M) features, (n,) or (n, T) targets)
        Particles of one configuration may come in several blocks.
    feature_names : sequence of M str
        No two alike.
    target_names : sequence of T str, default ("target",)
        Several targets, as the propensity at several times, share what is summed of the features.

    Returns
    -------
    NormalEquations
        Configurations in the order in which they came.

    Raises
    ------
    ShapeError
        If a block has other columns, or features and targets do not pair up.
    ParameterError
        If two features have one name, or a number is not finite.
    TooFewEventsError
        If there is no block, or a configuration has fewer than three particles.

    Examples
    --------
    >>> found = normal_equations([("a", [[0.0], [1.0]], [1.0, 3.0]), ("a", [[2.0]], [5.0])], ["x"])
    >>> moments = found.moments()
    >>> (moments.cross / moments.covariance).tolist()
    [[2.0]]
    """
    sums = _Sums(feature_names, target_names)
    for configuration, features, targets in blocks:
        sums.add(configuration, np.asarray(features), np.asarray(targets))
    return sums.finished()


def equations_by_species(
    blocks: Iterable[tuple[object, ArrayLike, ArrayLike, ArrayLike]],
    feature_names: Sequence[str],
    target_names: Sequence[str] = ("target",),
) -> dict[str, NormalEquations]:
    """Sum over the particles of each species by itself, in one pass: for a model of each species.

    Parameters
    ----------
    blocks : iterable of (configuration, (n, M) features, (n,) or (n, T) targets, (n,) species)
    feature_names, target_names
        As of `normal_equations`.

    Returns
    -------
    dict of str to NormalEquations
        By the name of the species, in alphabetical order.

    Raises
    ------
    ShapeError, ParameterError, TooFewEventsError
        As `normal_equations`.

    Examples
    --------
    >>> block = ("a", [[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]], [0.0, 1.0, 2.0, 0.0, 3.0, 6.0], list("AAABBB"))
    >>> found = equations_by_species([block], ["x"])
    >>> [(s, (e.moments().cross / e.moments().covariance).round(6).item()) for s, e in found.items()]
    [('A', 1.0), ('B', 3.0)]
    """
    sums: dict[str, _Sums] = {}
    for configuration, features, targets, species in blocks:
        x, y, kinds = np.asarray(features), np.asarray(targets), np.asarray(species).astype(str)
        if kinds.shape != x.shape[:1] or len(y) != len(x):
            raise ShapeError(
                f"Features, targets and species of configuration '{configuration}' must have a row a particle; their shapes are "
                f"{x.shape}, {y.shape}, {kinds.shape}."
            )
        for name in np.unique(kinds).tolist():
            rows = np.flatnonzero(kinds == name)
            sums.setdefault(name, _Sums(feature_names, target_names)).add(configuration, x[rows], y[rows])
    return {name: sums[name].finished() for name in sorted(sums)}


class _Sums:
    """Sums that grow block by block."""

    def __init__(self, feature_names: Sequence[str], target_names: Sequence[str]) -> None:
        self.names, self.targets = tuple(map(str, feature_names)), tuple(map(str, target_names))
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise ParameterError(
                f"Two features are called '{twice}'. Name each of `feature_names` differently."
            )
        self.parts: dict[str, list[Array]] = {}
        self.shift = self.target_shift = np.zeros(0)

    def add(self, configuration: object, x: NDArray, y: NDArray) -> None:
        label = str(configuration)
        features, values = _checked(label, x, y, self.names, self.targets)
        if not len(features):
            return
        if not self.parts:
            self.shift, self.target_shift = _typical(features[:_ROWS]), _typical(values)
        into = self.parts.setdefault(label, _empty(len(self.names), len(self.targets)))
        for begin in range(0, len(features), _ROWS):
            rows = slice(begin, begin + _ROWS)
            _add(into, np.asarray(features[rows], np.float64) - self.shift, values[rows] - self.target_shift)

    def finished(self) -> NormalEquations:
        if not self.parts:
            raise TooFewEventsError("A fit needs at least one configuration; `blocks` is empty.")
        few = next((label for label, parts in self.parts.items() if parts[0] < 3), None)
        if few is not None:
            raise TooFewEventsError(
                f"Configuration '{few}' has {self.parts[few][0]:g} particles; a correlation needs at least three."
            )
        stacked = (np.stack(part) for part in zip(*self.parts.values(), strict=True))
        count, powers, gram, cross, target_powers = stacked
        return NormalEquations(
            tuple(self.parts),
            self.names,
            self.targets,
            self.shift,
            self.target_shift,
            count,
            np.ascontiguousarray(powers.swapaxes(0, 1)),
            gram,
            cross,
            np.ascontiguousarray(target_powers.swapaxes(0, 1)),
        )


def _checked(
    label: str, features: NDArray, values: NDArray, names: tuple[str, ...], targets: tuple[str, ...]
) -> tuple[NDArray, Array]:
    values = np.asarray(values, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if features.ndim != 2 or features.shape[1] != len(names):
        raise ShapeError(
            f"Features of configuration '{label}' must have shape (n, {len(names)}), one column per feature; they have "
            f"{features.shape}."
        )
    if values.shape != (len(features), len(targets)):
        raise ShapeError(
            f"Targets of configuration '{label}' must have shape ({len(features)}, {len(targets)}), one row per particle; they "
            f"have {values.shape}."
        )
    for what, table, columns in (("feature", features, names), ("target", values, targets)):
        if not np.isfinite(table).all():
            row, column = np.argwhere(~np.isfinite(table))[0]
            raise ParameterError(
                f"The {what} '{columns[column]}' of particle {row} of configuration '{label}' is {table[row, column]}: leave out "
                "particles that have none."
            )
    return features, values


def _typical(rows: NDArray) -> Array:
    """Return the mean of each column, and exactly the value of one that is constant."""
    mean = rows.mean(axis=0, dtype=np.float64)
    return np.where((rows == rows[0]).all(axis=0), rows[0], mean)


def _empty(m: int, t: int) -> list[Array]:
    return [np.zeros(()), np.zeros((4, m)), np.zeros((m, m)), np.zeros((m, t)), np.zeros((2, t))]


def _add(into: list[Array], d: Array, y: Array) -> None:
    count, powers, gram, cross, target_powers = into
    count += len(d)
    square = d * d
    for k, part in enumerate((d, square, square * d, square * square)):
        powers[k] += part.sum(axis=0)
    gram += d.T @ d
    cross += d.T @ y
    target_powers += np.stack([y.sum(axis=0), (y * y).sum(axis=0)])


def _carriers(n: float, powers: Array, all_squares: Array) -> Array:
    """Return how many particles carry the variance of each feature, from sums of its powers (4, M)."""
    first, second, third, fourth = powers / n
    variance = second - first**2
    about_mean = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    varies = variance * n > _ROUNDING * all_squares
    return np.where(varies, n * variance**2 / np.where(varies & (about_mean > 0), about_mean, np.inf), 0.0)
