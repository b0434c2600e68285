"""A liquid whose answer is known: clusters that carry their softness in plain sight and hop by an Arrhenius law."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.engines.base import Run
from vitrify.errors import ParameterError, ShapeError
from vitrify.particles import Box, Frame

_START_STREAM = 0


@dataclass(frozen=True)
class PlantedLiquid:
    r"""Particles A, each amid its own satellites B, that hop with a planted probability per frame.

    .. math:: p(s, T) = \exp[\Sigma_0 - \Sigma_1 s - (e_0 - e_1 s) / T]

    m of the satellites sit at the inner distance and the others at the outer one: s = (m − n/2) / `softness_scale`. After a
    hop a new m is drawn from the binomial distribution of n fair coins (a trap model), so that at temperature T the
    stationary distribution is this one divided by p: n coins that are not fair. With a finite `memory` each satellite is
    thrown again with such a coin now and then, so softness changes between hops as well and the stationary distribution
    stays what it is.

    Parameters
    ----------
    e0, e1 : float, energy
    sigma0, sigma1 : float
        Per frame, whatever the time between frames. The onset temperature is e1 / sigma1.
    n_clusters : int, default 343
        Particles A, on a simple cubic (square) lattice.
    n_satellites : int, default 8
        Particles B around each.
    softness_scale : float, default 2
    inner_distance, outer_distance : float, length
    hop_length : float, length, default 0.8
        A clean hop has p_hop = 0.64. Hops stay within this distance of the lattice site, unless they are `one_way`.
    spacing : float, length, default 6
        Of the lattice: two clusters never touch.
    cage_noise : float, length, default 0.05
        Standard deviation per component of thermal positions about inherent ones.
    inherent_noise : float, length, default 0.001
        Of inherent positions, as from quenches that end early.
    dimension : int, default 3
    memory : float, frames, default infinite
        Correlation time of the softness of a cluster that stays where it is: ⟨s(t)⟩ = s̄ + (s(0) − s̄) exp(−t / memory), with
        the mean s̄ of equilibrium. Infinite: softness changes at hops only.
    one_way : bool, default False
        Every cluster has a lane of its own along x and hops along it, every second one forwards and the others backwards,
        never back: the overlap is the `persistence` and decays to 0. Otherwise hops return, and it does not.

    Raises
    ------
    ParameterError
        If numbers of particles, lengths or `memory` are not meaningful, or clusters could overlap.

    Notes
    -----
    **Scale** `RadialDensity` at the inner distance counts m: softness is linear in the structure, exactly up to
    `inherent_noise`.
    **Cost** a millisecond per frame.

    Examples
    --------
    >>> model = PlantedLiquid()
    >>> round(model.onset_temperature, 12), model.softness_levels.tolist()
    (0.8, [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0])
    >>> model.hop_probability([-2.0, 0.0, 2.0], 0.47).round(6).tolist()
    [0.000152, 0.001252, 0.01029]
    """

    name: ClassVar[str] = "planted_liquid"
    species_names: ClassVar[tuple[str, ...]] = ("A", "B")
    e0: float = 3.0
    e1: float = 1.2
    sigma0: float = -0.3
    sigma1: float = 1.5
    n_clusters: int = 343
    n_satellites: int = 8
    softness_scale: float = 2.0
    inner_distance: float = 1.1
    outer_distance: float = 1.5
    hop_length: float = 0.8
    spacing: float = 6.0
    cage_noise: float = 0.05
    inherent_noise: float = 0.001
    dimension: int = 3
    memory: float = math.inf
    one_way: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "one_way", bool(self.one_way))  # settings files hand over numbers
        if self.dimension not in (2, 3) or self.n_clusters < 1 or self.n_satellites < 1:
            raise ParameterError(
                "A planted liquid needs `dimension` 2 or 3 and at least one of `n_clusters` and `n_satellites`; they are "
                f"{self.dimension}, {self.n_clusters}, {self.n_satellites}."
            )
        if not (
            0 < self.inner_distance < self.outer_distance and self.softness_scale > 0 and self.hop_length > 0
        ):
            raise ParameterError(
                "`inner_distance` must be positive and below `outer_distance`, `softness_scale` and `hop_length` positive; "
                f"they are {self.inner_distance}, {self.outer_distance}, {self.softness_scale}, {self.hop_length}."
            )
        if min(self.cage_noise, self.inherent_noise) < 0:
            raise ParameterError(
                f"`cage_noise` and `inherent_noise` must not be negative; they are {self.cage_noise}, {self.inherent_noise}."
            )
        if not self.memory > 0:
            raise ParameterError(
                f"`memory` must be a positive number of frames, or infinite; it is {self.memory}."
            )
        needed = 2 * (self.hop_length + self.outer_distance) + self.inner_distance
        if self.spacing < needed:
            raise ParameterError(
                f"Clusters could overlap: `spacing` is {self.spacing} and must be at least {needed:g} for these hops and "
                "satellites."
            )

    # -- what is planted -----------------------------------------------------------------------------------------------

    @property
    def onset_temperature(self) -> float:
        """T0 = e1 / Σ1; infinite if Σ1 is 0."""
        return self.e1 / self.sigma1 if self.sigma1 else float(np.copysign(np.inf, self.e1))

    @property
    def softness_levels(self) -> NDArray[np.float64]:
        """The softness of m = 0 … n inner satellites, (n + 1,)."""
        return self.softness(np.arange(self.n_satellites + 1))

    @cached_property
    def prior(self) -> NDArray[np.float64]:
        """Probability of each level after a hop, (n + 1,)."""
        from scipy.stats import binom

        return binom.pmf(np.arange(self.n_satellites + 1), self.n_satellites, 0.5)

    def softness(self, n_inner: ArrayLike) -> NDArray[np.float64]:
        """Return s for a number of inner satellites."""
        return (np.asarray(n_inner, dtype=np.float64) - self.n_satellites / 2) / self.softness_scale

    def hop_probability(self, softness: ArrayLike, temperature: float) -> NDArray[np.float64]:
        """Return p per frame.

        Raises
        ------
        ParameterError
            If it reaches 1.
        """
        s = np.asarray(softness, dtype=np.float64)
        log_p = self.sigma0 - self.sigma1 * s - (self.e0 - self.e1 * s) / temperature
        if log_p.size and log_p.max() >= 0:
            raise ParameterError(
                f"The planted hop probability reaches {np.exp(log_p.max()):.3g} at T = {temperature:g}; it must stay below 1. "
                "Lower `sigma0` or raise `e0`."
            )
        return np.asarray(np.exp(log_p), dtype=np.float64)

    def stationary(self, temperature: float) -> NDArray[np.float64]:
        """Return the probability of each level in equilibrium at a temperature, (n + 1,)."""
        weight = self.prior / self.hop_probability(self.softness_levels, temperature)
        return np.asarray(weight / weight.sum(), dtype=np.float64)

    def inner_probability(self, temperature: float) -> float:
        """Return the probability that a satellite is an inner one in equilibrium."""
        return float(self.stationary(temperature) @ np.arange(self.n_satellites + 1) / self.n_satellites)

    @property
    def renewal_probability(self) -> float:
        """Probability per frame that a satellite is thrown again."""
        return -math.expm1(-1 / self.memory)

    def transition(self, temperature: float) -> NDArray[np.float64]:
        """Return how the level of a cluster that stays changes from one frame to the next, (n + 1, n + 1).

        Row m holds the probabilities of the levels after m inner satellites.

        Examples
        --------
        >>> model = PlantedLiquid(memory=20.0)
        >>> levels, onward = model.softness_levels, model.transition(0.5)
        >>> mean = float(model.stationary(0.5) @ levels)
        >>> bool(np.allclose(onward @ levels, mean + (levels - mean) * np.exp(-1 / 20)))
        True
        """
        from scipy.stats import binom

        n, x, again = self.n_satellites, self.inner_probability(temperature), self.renewal_probability
        levels = np.arange(n + 1)
        kept, gained = (
            binom.pmf(levels[None], upper[:, None], p)
            for upper, p in ((levels, 1 - again * (1 - x)), (n - levels, again * x))
        )
        return np.array([np.convolve(a, b)[: n + 1] for a, b in zip(kept, gained, strict=True)])

    def persistence(self, temperature: float, frames: ArrayLike) -> NDArray[np.float64]:
        r"""Return the probability that a cluster has not hopped for some frames, by its level at the start, (n + 1, k).

        .. math:: Q(t) = [(1 - p) W]^t \, 1

        with W from `transition`; averaged with `stationary`, the persistence of the liquid. If hops are `one_way`, it is
        the overlap of any cutoff below `hop_length`, up to noise.

        Parameters
        ----------
        temperature : float, energy / k_B
        frames : (k,) array_like of int

        Examples
        --------
        >>> model = PlantedLiquid()
        >>> p = model.hop_probability(model.softness_levels, 0.5)
        >>> bool(np.allclose(model.persistence(0.5, [0, 7])[:, 1], (1 - p) ** 7))
        True
        """
        wanted = np.asarray(frames, dtype=np.int64)
        p = self.hop_probability(self.softness_levels, temperature)
        step = (1 - p)[:, None] * self.transition(temperature)
        found = np.ones((self.n_satellites + 1, len(wanted)))
        left = np.ones(self.n_satellites + 1)
        for t in range(int(wanted.max(initial=0)) + 1):
            found[:, wanted == t] = left[:, None]
            left = step @ left
        return found

    # -- where everything is -------------------------------------------------------------------------------------------

    @property
    def n_particles(self) -> int:
        """N, particles A and B; each A is followed by its satellites."""
        return self.n_clusters * (1 + self.n_satellites)

    @property
    def species(self) -> NDArray[np.int64]:
        """Species index of each particle, (N,)."""
        return np.tile(np.array([0] + [1] * self.n_satellites), self.n_clusters)

    @property
    def _side(self) -> int:
        side = 1
        while side ** (self.dimension - self.one_way) < self.n_clusters:
            side += 1
        return side

    @property
    def _shape(self) -> tuple[int, ...]:
        along = (1,) if self.one_way else ()
        return along + (self._side,) * (self.dimension - self.one_way)

    @property
    def box(self) -> Box:
        """Periodic box that holds the lattice: a cube (square), or one site deep along the lanes."""
        return Box.orthorhombic([n * self.spacing for n in self._shape])

    @property
    def sites(self) -> NDArray[np.float64]:
        """Lattice sites, (n_clusters, d), length."""
        grid = np.indices(self._shape).reshape(self.dimension, -1).T
        return np.asarray((grid[: self.n_clusters] + 0.5) * self.spacing, dtype=np.float64)

    def shells(self, n_inner: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return satellites relative to their A, (k, n, d): well spread, turned at random, which are inner at random."""
        shape = (len(n_inner), self.n_satellites)
        rank = np.argsort(np.argsort(rng.random(shape), axis=1), axis=1)
        distance = np.where(rank < n_inner[:, None], self.inner_distance, self.outer_distance)
        turned = np.einsum(
            "ni,kij->knj", self._directions, random_rotations(rng, len(n_inner), self.dimension)
        )
        return distance[..., None] * turned

    @cached_property
    def _directions(self) -> NDArray[np.float64]:
        k = np.arange(self.n_satellites)
        if self.dimension == 2:
            angle = 2 * np.pi * k / self.n_satellites
            return np.stack([np.cos(angle), np.sin(angle)], axis=1)
        z = 1 - (2 * k + 1) / self.n_satellites
        angle = np.pi * (3 - np.sqrt(5)) * k
        radius = np.sqrt(1 - z * z)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)

    def start_frame(self, run: Run) -> Frame:
        """Return a configuration from the stationary distribution at the temperature of `run`, all A on their sites.

        The inherent positions themselves, without noise; the same for the same seed.
        """
        rng = np.random.default_rng([_START_STREAM, run.seed])
        n_inner = rng.choice(self.n_satellites + 1, self.n_clusters, p=self.stationary(run.temperature))
        positions = assemble(self.sites, self.shells(n_inner, rng))
        return Frame(
            positions, self.species, self.box, self.species_names, f"planted liquid, T = {run.temperature:g}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters; `memory` and `one_way` only where they change something."""
        found = {"name": self.name, **asdict(self)}
        for name, nothing in (("memory", math.inf), ("one_way", False)):
            if found[name] == nothing:
                del found[name]
        return found

    @classmethod
    def from_dict(cls, parameters: dict[str, Any]) -> PlantedLiquid:
        """Return the model that `to_dict` describes."""
        return cls(**{f.name: parameters[f.name] for f in fields(cls) if f.name in parameters})


def assemble(centres: NDArray[np.float64], satellites: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return positions (N, d) from centres (k, d) and relative satellites (k, n, d), cluster by cluster."""
    together = np.concatenate([centres[:, None], centres[:, None] + satellites], axis=1)
    return together.reshape(-1, centres.shape[1])


def random_rotations(rng: np.random.Generator, n: int, dimension: int) -> NDArray[np.float64]:
    """Return rotations drawn evenly from all of them, (n, d, d).

    Examples
    --------
    >>> turn = random_rotations(np.random.default_rng(0), 2, 3)
    >>> bool(np.allclose(turn @ turn.transpose(0, 2, 1), np.eye(3))), np.linalg.det(turn).round(12).tolist()
    (True, [1.0, 1.0])
    """
    if dimension == 2:
        angle = rng.uniform(0, 2 * np.pi, n)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([c, -s, s, c], axis=1).reshape(n, 2, 2)
    q = rng.normal(size=(n, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=1).reshape(n, 3, 3)


def planted_softness(frame: Frame, model: PlantedLiquid) -> NDArray[np.float64]:
    """Return the planted softness of every particle A by counting its inner satellites in an inherent configuration.

    Parameters
    ----------
    frame : Frame
        Inherent positions, wrapped or not, in the order of the model.
    model : PlantedLiquid

    Returns
    -------
    (n_clusters,) float
        In the order of ``frame.of_species("A")``.

    Raises
    ------
    ShapeError
        If the frame has other particles than the model.

    Examples
    --------
    >>> model = PlantedLiquid(n_clusters=8)
    >>> softness = planted_softness(model.start_frame(Run(model, 0.5)), model)
    >>> softness.shape, set(softness) <= set(model.softness_levels)
    ((8,), True)
    """
    if not np.array_equal(frame.species, model.species) or frame.dimension != model.dimension:
        raise ShapeError(
            f"The model has {model.n_clusters} A with {model.n_satellites} B each in {model.dimension} dimensions; the frame "
            f"has {frame.n_particles} particles in {frame.dimension} dimensions, or in another order."
        )
    clusters = frame.positions.reshape(model.n_clusters, 1 + model.n_satellites, model.dimension)
    arms = frame.box.minimum_image(clusters[:, 1:] - clusters[:, :1])
    inner = np.linalg.norm(arms, axis=2) < 0.5 * (model.inner_distance + model.outer_distance)
    return model.softness(inner.sum(axis=1))
