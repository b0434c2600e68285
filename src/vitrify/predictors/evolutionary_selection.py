"""Search for the best subset of so many features by inheritance, mutation and choice of the fittest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError
from vitrify.predictors.greedy_selection import curve_dataset
from vitrify.predictors.linear_discriminants import MAX_MEMBERS, SubsetEvaluator, require_evaluator
from vitrify.predictors.subset_scan import as_dataset, make_evaluator
from vitrify.progress import Progress, Silent

if TYPE_CHECKING:
    import xarray as xr

Subsets = NDArray[np.int64]


@dataclass(frozen=True)
class EvolutionarySelection:
    """Subsets of a given size that inherit features from two good ones, mutate, and survive if they are more accurate.

    Each generation the better half of the population lives on. Every child draws its features from the union of those of two
    parents from that half; each feature is then replaced with the probability `mutation`, half of the time by a neighbour in the
    order of the features (the next radius), else by any other; a child that was there before has one more feature replaced. A
    tenth of the children are new at random. In the end single features of the best are exchanged until no exchange is better.

    Parameters
    ----------
    size : int, default 5
        Features of a subset.
    population : int, default 200
    generations : int, default 100
    mutation : float, default 0.1
    seed : int, default 0
    penalty, folds, threshold, min_sd
        As in `SubsetScan`.

    Raises
    ------
    ParameterError
        If a parameter is outside its range.

    Notes
    -----
    **Scale**: 1. **Differs from**: the algorithm of the thesis, of which it only says that it evaluated 2 million combinations
    for each size. What it finds is the best within one exchange, not for certain of all: compare other seeds. **Invariant under**: shifting
    and scaling features; the number of threads. **Cost**: population × generations / 2 subsets, none of them twice.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), section 5.5.4.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(600, 8)), np.tile([0, 1], 300)
    >>> X[:, 3] += 2.0 * y
    >>> X[:, 1] -= y
    >>> search = EvolutionarySelection(2, population=10, generations=8)
    >>> found = search.search(X, y, np.repeat(np.arange(6), 100), list("abcdefgh"))
    >>> found["feature"].values[found["column"].values[0]].tolist()
    ['b', 'd']
    """

    size: int = 5
    population: int = 200
    generations: int = 100
    mutation: float = 0.1
    seed: int = 0
    penalty: float = 1e-3
    folds: int = 6
    threshold: str = "midpoint"
    min_sd: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MAX_MEMBERS:
            raise ParameterError(f"`size` must lie between 1 and {MAX_MEMBERS}; it is {self.size}.")
        if self.population < 4 or self.generations < 1:
            raise ParameterError(
                f"`population` must be at least 4 and `generations` at least 1; they are {self.population} and "
                f"{self.generations}."
            )
        if not 0 <= self.mutation <= 1:
            raise ParameterError(f"`mutation` must lie between 0 and 1; it is {self.mutation}.")
        require_evaluator(self.folds, self.penalty, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def search(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        names: Sequence[str],
        *,
        held_out_groups: Iterable[Any] = (),
        start: Iterable[Sequence[int]] = (),
        progress: Progress | None = None,
    ) -> xr.Dataset:
        """Search for the best subset of `size` features.

        Parameters
        ----------
        X, y, groups, names, held_out_groups
            As of `SubsetScan.scan`.
        start : iterable of sequences of int
            Subsets of this size to begin with, such as the greedy one; the others are drawn.
        progress : Progress, optional

        Returns
        -------
        xarray.Dataset
            Dim subset, the last survivors, best first, with the variables of `SubsetScan.scan`; dim generation: ``best``,
            ``n_evaluated``.

        Raises
        ------
        ShapeError, ParameterError, TooFewEventsError
            As `SubsetEvaluator`; and if there are not more than `size` features.
        """
        held_out = tuple(held_out_groups)
        evaluator = make_evaluator(self, X, y, groups, names, held_out)
        race = self._run(evaluator, start, progress or Silent())
        found = as_dataset(race.alive, evaluator.evaluate(race.alive), names, self, "subset", held_out)
        found["best"] = "generation", np.array(race.best)
        found["n_evaluated"] = "generation", np.array(race.n_evaluated)
        from vitrify.predictors._selection_words import labelled

        return labelled(found.assign_coords(generation=np.arange(len(race.best))))

    def curve(
        self,
        X: ArrayLike,
        y: ArrayLike,
        groups: ArrayLike,
        names: Sequence[str],
        *,
        sizes: Iterable[int],
        held_out_groups: Iterable[Any] = (),
        start: Iterable[Sequence[int]] = (),
        progress: Progress | None = None,
    ) -> xr.Dataset:
        """Search for the best subset of each size; that of one size with every further feature starts the next.

        Parameters
        ----------
        X, y, groups, names, held_out_groups, progress
            As of `search`.
        sizes : iterable of int
            Numbers of features; `size` is not used.
        start : iterable of sequences of int
            Subsets of any size to begin with, such as those of `GreedySelection`.

        Returns
        -------
        xarray.Dataset
            As of `GreedySelection.select`, with ``n_evaluated`` (n_features).
        """
        held_out, given = tuple(held_out_groups), [list(subset) for subset in start]
        evaluator = make_evaluator(self, X, y, groups, names, held_out)
        best: list[list[int]] = []
        counts = []
        for size in sorted({int(size) for size in sizes}):
            seeds = [subset for subset in given if len(subset) == size]
            if best and len(best[-1]) == size - 1:
                rest = np.setdiff1d(np.arange(evaluator.n_features), best[-1])
                seeds += [[*best[-1], int(k)] for k in rest]
            race = replace(self, size=size)._run(evaluator, seeds, progress or Silent())
            best.append(race.alive[0].tolist())
            counts.append(race.n_evaluated[-1])
        found = curve_dataset(evaluator, best, names, self, held_out)
        found["n_evaluated"] = "n_features", np.array(counts)
        return found

    def _run(self, evaluator: SubsetEvaluator, start: Iterable[Sequence[int]], progress: Progress) -> _Race:
        """Return the race after all generations."""
        if self.size >= evaluator.n_features:
            raise ParameterError(
                f"`size` = {self.size} leaves nothing to choose among {evaluator.n_features} features."
            )
        race = _Race(evaluator, self.size, self.mutation, np.random.default_rng(self.seed))
        first = [sorted(subset) for subset in start if len(subset) == self.size]
        n_more = max(self.population - len(first), self.population // 2)
        race.enter(np.array([*first, *race.strangers(n_more).tolist()], np.int64), self.population // 2)
        with progress.step(f"Subsets of {self.size} features", self.generations, "generations") as update:
            for generation in range(self.generations):
                race.enter(race.children(self.population - len(race.alive)), self.population // 2)
                update(generation + 1)
        while race.polish():
            pass
        return race


class _Race:
    """The subsets that are alive, best first, and everything that was ever looked at."""

    def __init__(
        self, evaluator: SubsetEvaluator, size: int, mutation: float, rng: np.random.Generator
    ) -> None:
        self.evaluator, self.size, self.mutation, self.rng = evaluator, size, mutation, rng
        self.alive: Subsets = np.empty((0, size), np.int64)
        self.fitness: NDArray[np.float64] = np.empty(0)
        self.best: list[float] = []
        self.n_evaluated: list[int] = []
        self._seen: set[bytes] = set()

    def enter(self, subsets: Subsets, survivors: int) -> None:
        """Let subsets that were never seen compete with those alive, and keep the best."""
        ordered = np.sort(subsets, axis=1)
        fresh = []
        for row in ordered:
            key = row.tobytes()
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(row)
        if fresh:
            added = np.array(fresh)
            fitness = np.concatenate([self.fitness, self.evaluator.evaluate(added).accuracy])
            everyone = np.concatenate([self.alive, added])
            order = np.argsort(-fitness, kind="stable")[:survivors]
            self.alive, self.fitness = everyone[order], fitness[order]
        self.best.append(float(self.fitness[0]))
        self.n_evaluated.append(len(self._seen))

    def polish(self) -> bool:
        """Try every exchange of one feature of the best subset; return whether one is better."""
        before = self.fitness[0]
        rest = np.setdiff1d(np.arange(self.evaluator.n_features), self.alive[0])
        exchanged = np.repeat(self.alive[:1], self.size * len(rest), axis=0)
        exchanged[np.arange(len(exchanged)), np.repeat(np.arange(self.size), len(rest))] = np.tile(
            rest, self.size
        )
        self.enter(exchanged, len(self.alive))
        return bool(self.fitness[0] > before)

    def strangers(self, n: int) -> Subsets:
        """Return subsets drawn at random, (n, k)."""
        keys = self.rng.random((n, self.evaluator.n_features))
        return np.argpartition(keys, self.size - 1, axis=1)[:, : self.size].astype(np.int64)

    def children(self, n: int) -> Subsets:
        """Return children of those alive, (n, k); a tenth are strangers."""
        n_strangers = n // 10
        n_born = n - n_strangers
        parents = self.alive[self.rng.integers(len(self.alive), size=(n_born, 2))]
        holds = np.zeros((n_born, self.evaluator.n_features), bool)
        np.put_along_axis(holds, parents.reshape(n_born, -1), True, axis=1)
        keys = np.where(holds, self.rng.random(holds.shape), 2.0)
        born = np.argpartition(keys, self.size - 1, axis=1)[:, : self.size].astype(np.int64)
        changed = self._mutated(born, self._hit(born.shape))
        again = np.array([np.sort(row).tobytes() in self._seen for row in changed])
        once = np.zeros(born.shape, bool)
        once[np.arange(n_born), self.rng.integers(self.size, size=n_born)] = again
        return np.concatenate([self._mutated(changed, once), self.strangers(n_strangers)])

    def _hit(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return which features of the children mutate."""
        return self.rng.random(shape) < self.mutation

    def _mutated(self, born: Subsets, hit: NDArray[np.bool_]) -> Subsets:
        """Return the children with some of their features replaced; never twice the same feature in one."""
        n_features = self.evaluator.n_features
        aside = np.clip(born + self.rng.choice([-1, 1], size=born.shape), 0, n_features - 1)
        anywhere = self.rng.integers(n_features, size=born.shape)
        new = np.where(self.rng.random(born.shape) < 0.5, aside, anywhere)
        changed = born.copy()
        for i, j in np.argwhere(hit):
            if new[i, j] not in changed[i]:
                changed[i, j] = new[i, j]
        return changed
