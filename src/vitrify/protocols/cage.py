"""Cage states: where particles are on average while nobody may leave the surroundings that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ConfigurationError, ParameterError
from vitrify.models.base import ROW, PairModel
from vitrify.models.hard_spheres import HardSpheres
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list, require_distinct
from vitrify.protocols.inherent import Quench, quench

_STARTS = ("thermal", "inherent")
_STREAM = 1
_BATCH = 8  # sweeps whose random numbers are drawn at a time
_TUNING_ROUND = 10  # sweeps between changes of the step
_FIRST_STEP = 0.3  # of the radius
_OVERLAP = 1e-10  # of σ: more than that is not rounding
_SKIN = 0.45  # length; a longer list is read more slowly, a shorter one must be cut more often


@dataclass(frozen=True)
class CageResult:
    """What the sweeps of one configuration found.

    Parameters
    ----------
    positions : (N, d) float, length
        Mean position of each particle: start plus mean displacement, as unwrapped as the start.
    fluctuation : (N,) float, length²
        Mean square distance of a particle from its mean position, ⟨|r − ⟨r⟩|²⟩: a local Debye-Waller factor. It is too
        small by the square of the error of the mean.
    standard_error : (N,) float, length
        Of the mean position: the root of the sum over the axes of the squared standard errors of the means of the blocks.
        Too small where the configuration remembers longer than a block lasts, as the long waves of a large one do: compare
        two seeds.
    displacement : (N,) float, length
        From the start to the mean position.
    acceptance : (S,) float
        Fraction of the steps of each species of the model that were made; NaN for a species that is not there.
    steps : (S,) float, length
        Largest step along an axis, as tuned.
    n_sweeps : int
        Sweeps that were averaged over.
    """

    positions: NDArray[np.float64]
    fluctuation: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    displacement: NDArray[np.float64]
    acceptance: NDArray[np.float64]
    steps: NDArray[np.float64]
    n_sweeps: int


@dataclass(frozen=True)
class CageState:
    r"""Mean positions by Monte Carlo in which every particle stays within a sphere around its start.

    .. math::

        \bar{\mathbf{r}}_i = \langle \mathbf{r}_i \rangle, \qquad
        P(\{\mathbf{r}\}) \propto e^{−V(\{\mathbf{r}\})/k_B T} \prod_j θ(R − |\mathbf{r}_j − \mathbf{r}_j^0|)

    What is done: the spheres of radius R are put around the start r⁰, which is the configuration itself or its inherent
    structure. A sweep tries to move each particle once, one after the other in an order given by their places, by a step
    drawn evenly from a cube; a step out of the sphere is refused, any other is accepted with Metropolis' probability. In
    the first sweeps, which do not count, the size of the cube is tuned, for each species by itself, until a part
    `acceptance` of the steps is made, but not beyond R; then it is kept. The mean is over the configurations after each
    of the `n_sweeps` sweeps that follow, and its error from `n_blocks` means over as many of them in turn.

    Parameters
    ----------
    temperature : float, energy/k_B
        Without effect on hard spheres.
    radius : float, length, default 0.3
        R; so small that neighbours cannot change places.
    n_sweeps : int, default 1000
    n_equilibration : int, default 200
    start : {"thermal", "inherent"}, default "thermal"
        Where the spheres are put: around the configuration as it is, or around its inherent structure (``Quench()``).
    acceptance : float, default 0.4
        What the step is tuned for.
    n_blocks : int, default 10
    seed : int, default 0

    Raises
    ------
    ParameterError
        If a parameter is outside these ranges.

    Notes
    -----
    **Scale**: a free particle stays where it started on average, with a fluctuation of 3R²/5 (in 2D, R²/2).
    **Differs from**: inherent structures, which are minima and feel no temperature, and time averages, which
    rearrangements smear. Alkemade, Smallenburg and Filion introduced the cage state as the mean position while
    rearrangements are forbidden; radius, number of sweeps and steps here are ours, and parameters.
    **Invariant under**: relabelling and choice of images to the bit, but for rounding; translations, rotations and
    reflections within the standard error, since they bring about other random numbers.
    **Cost**: linear in N; 2.3 ms of processor time a sweep of 4096 Kob-Andersen particles. Memory about 4 kB a particle.
    A single step is a few hundredths of a length, so local vibrations are forgotten within tens of sweeps, but waves as
    long as the box only within thousands.

    References
    ----------
    R. M. Alkemade, F. Smallenburg, L. Filion, J. Chem. Phys. 158, 134512 (2023); N. Metropolis et al.,
    J. Chem. Phys. 21, 1087 (1953).

    Examples
    --------
    Two disks in a narrow channel of images keep away from each other:

    >>> from vitrify.particles import Box
    >>> disks = HardSpheres((1.0,), (1.0,))
    >>> touching = Frame([[2.0, 2.0], [3.0, 2.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> result = CageState(temperature=1.0, radius=0.2, n_sweeps=400).run(disks, touching)
    >>> bool(result.positions[0, 0] < 2.0), bool(result.positions[1, 0] > 3.0)
    (True, True)
    """

    temperature: float
    radius: float = 0.3
    n_sweeps: int = 1000
    n_equilibration: int = 200
    start: Literal["thermal", "inherent"] = "thermal"
    acceptance: float = 0.4
    n_blocks: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("temperature", "radius"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` of a cage state must be positive; it is {value}.")
        if self.start not in _STARTS:
            raise ParameterError(f"`start` must be one of {', '.join(_STARTS)}; it is '{self.start}'.")
        if not 0 < self.acceptance < 1:
            raise ParameterError(f"`acceptance` must lie between 0 and 1; it is {self.acceptance}.")
        if self.n_equilibration < 0 or self.n_blocks < 2 or self.n_sweeps < self.n_blocks:
            raise ParameterError(
                "`n_equilibration` must not be negative, `n_blocks` be at least 2 and `n_sweeps` not below it; they are "
                f"{self.n_equilibration}, {self.n_blocks}, {self.n_sweeps}."
            )

    @property
    def name(self) -> str:
        """What results call these positions."""
        around = "" if self.start == "thermal" else f",around {self.start}"
        return f"cage(T={self.temperature:.10g},R={self.radius:.10g},sweeps={self.n_sweeps}{around})"

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def run(self, model: PairModel, frame: Frame, tick: Callable[[int], None] | None = None) -> CageResult:
        """Return the cage state of one configuration; the same bits for the same arguments.

        Parameters
        ----------
        model : PairModel
            Its species are matched with those of the frame by name.
        frame : Frame
        tick : callable, optional
            Called with the number of sweeps just made; there are `n_equilibration` + `n_sweeps`.

        Returns
        -------
        CageResult

        Raises
        ------
        ParameterError
            If the model lacks a species of the frame, or is one without forces and `start` is "inherent".
        ConfigurationError
            If two particles sit on one spot, or hard spheres overlap.
        ConvergenceError
            If the quench of `start` = "inherent" does not end.
        """
        species = model.species_in_model(frame)
        if self.start == "inherent":
            frame = quench(model, frame, Quench())
        require_distinct(frame)
        named = Frame(frame.positions, species, frame.box, model.species_names, frame.label)
        return _Sampler(self, model, named, tick).result()


class _Sampler:
    """One configuration on its way; rows are in the order of the cells that particles start in."""

    def __init__(
        self, method: CageState, model: PairModel, frame: Frame, tick: Callable[[int], None] | None
    ) -> None:
        self.method, self.frame, self.tick = method, frame, tick
        self.n_species = len(model.species_names)
        self.potential = _interaction(model)
        self.cage, self.order = _build(model, frame, method.radius)
        self.counts = np.bincount(frame.species, minlength=self.n_species)
        self.steps = np.full(self.n_species, _FIRST_STEP * method.radius)
        self.rng = np.random.default_rng([_STREAM, method.seed])
        _refuse_overlaps(model, frame, self.cage, self.order)

    def result(self) -> CageResult:
        method, n = self.method, self.frame.n_particles
        self._tune()
        edges = np.linspace(0, method.n_sweeps, method.n_blocks + 1).astype(int)
        total, blocks, accepted = np.zeros((n, 4)), np.zeros((2, n, 3)), np.zeros(self.n_species, np.int64)
        for size in np.diff(edges):
            sums = np.zeros((n, 4))
            accepted += self._go(int(size), sums)
            total += sums
            mean = sums[:, :3] / size
            blocks += mean, mean**2
        total /= method.n_sweeps
        blocks /= method.n_blocks
        scatter = np.maximum(blocks[1] - blocks[0] ** 2, 0.0).sum(axis=1) / (method.n_blocks - 1)
        square = (total[:, :3] ** 2).sum(axis=1)
        back = np.empty(n, np.int64)
        back[self.order] = np.arange(n)
        with np.errstate(invalid="ignore"):
            rate = accepted / (self.counts * float(method.n_sweeps))
        return CageResult(
            positions=self.frame.positions + total[back, : self.frame.dimension],
            fluctuation=np.maximum(total[:, 3] - square, 0.0)[back],
            standard_error=np.sqrt(scatter)[back],
            displacement=np.sqrt(square)[back],
            acceptance=np.where(self.counts > 0, rate, np.nan),
            steps=self.steps.copy(),
            n_sweeps=method.n_sweeps,
        )

    def _tune(self) -> None:
        """Make the sweeps that do not count, and bring the steps to the acceptance that is wanted."""
        left, nowhere = self.method.n_equilibration, np.zeros((self.frame.n_particles, 4))
        while left > 0:
            size = min(_TUNING_ROUND, left)
            accepted = self._go(size, nowhere) / np.maximum(self.counts * size, 1)
            left -= size
            factor = np.clip(accepted / self.method.acceptance, 0.5, 2.0)
            self.steps = np.minimum(self.steps * factor, self.method.radius)

    def _go(self, n_sweeps: int, sums: NDArray[np.float64]) -> NDArray[np.int64]:
        """Make so many sweeps and return how many steps of each species were made."""
        from vitrify.protocols import _cage_kernels

        accepted = np.zeros(self.n_species, np.int64)
        for done in range(0, n_sweeps, _BATCH):
            size = min(_BATCH, n_sweeps - done)
            numbers = self.rng.random((size, self.frame.n_particles, 4))
            _cage_kernels.sweeps(
                self.potential,
                self.cage,
                self.method.temperature,
                self.steps,
                self._skin(),
                numbers,
                accepted,
                sums,
            )
            if self.tick is not None:
                self.tick(size)
        return accepted

    def _skin(self) -> float:
        """Return how much longer than the cutoffs the pairs of the narrow list may be: no step may outrun it."""
        longest = np.sqrt(self.frame.dimension) * self.steps.max()
        return float(max(_SKIN, 2.001 * longest))


def _interaction(model: PairModel) -> Any:
    """Return the model as the kernels take it; hard spheres are a pair function that is infinite within contact."""
    from vitrify.models._kernels import Formula, Interaction
    from vitrify.protocols import _cage_kernels

    if not isinstance(model, HardSpheres):
        return model.interaction(_cage_kernels)
    from vitrify.models import _kernels
    from vitrify.particles import _cells

    formula = Formula(_cage_kernels.overlap, (_cells, _kernels, _cage_kernels))
    n = len(model.species_names)
    return Interaction(formula, np.zeros((n, n, ROW)), np.ascontiguousarray(model.cutoffs**2))


def _build(model: PairModel, frame: Frame, radius: float) -> tuple[Any, NDArray[np.int64]]:
    """Return the arrays of the kernels, and which particle of the frame each of their rows is."""
    from vitrify.protocols import _cage_kernels as kernels

    by_place = np.lexsort(frame.box.wrap(frame.positions).T)
    sorted_frame = Frame(frame.positions[by_place], frame.species[by_place], frame.box, frame.species_names)
    reach = model.max_cutoff + 2 * radius
    cells = cell_list(sorted_frame, reach)
    n, n_species, d = frame.n_particles, len(model.species_names), frame.dimension
    most = np.zeros(3, np.int64)
    most[:d] = np.where(frame.box.periodic, np.ceil(reach / frame.box.heights) + 1, 0)
    limits, inverse = (model.cutoffs + 2 * radius) ** 2, np.linalg.inv(cells.vectors)
    first, empty = np.zeros(n * n_species + 1, np.int64), np.empty(0, np.uint32)
    n_pairs = kernels.walk(cells, inverse, limits, most, first, empty, np.empty(0, np.int32))
    neighbour, image = np.empty(n_pairs, np.uint32), np.empty(n_pairs, np.int32)
    if n_pairs:
        kernels.walk(cells, inverse, limits, most, first, neighbour, image)
    owner, offset = _copies(cells, neighbour, image, most)
    rest = np.argsort(owner[n:], kind="stable")
    lift = np.zeros((n, 4))
    lift[:, :3] = cells.positions
    longest = int(np.diff(first[::n_species]).max(initial=0))
    cage = kernels.Cage(
        dimension=d,
        species=cells.species,
        radius=float(radius),
        owner=owner,
        offset=offset,
        copy_first=np.searchsorted(owner[n:][rest], np.arange(n + 1)).astype(np.int64),
        copy_index=(n + rest).astype(np.int64),
        wide_first=first,
        wide_neighbour=neighbour,
        first=np.zeros_like(first),
        neighbour=np.empty(n_pairs + 1, np.uint32),
        cut_at=np.full((n, 4), np.inf),
        start=lift,
        moved=np.zeros((n, 4)),
        copies=np.zeros((len(owner), 4)),
        batch=np.empty((3, longest + kernels.WHOLE)),
        cuts=np.zeros(1, np.int64),
    )
    kernels.place(cage)
    return cage, by_place[cells.order]


def _copies(
    cells: Any, neighbour: NDArray[np.uint32], image: NDArray[np.int32], most: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Return the owner and the offset of each copy, particles first; neighbours become copies."""
    from vitrify.protocols import _cage_kernels as kernels

    n, shape = len(cells.order), 2 * most + 1
    n_images = int(shape.prod())
    room = n + len(neighbour)
    owner, which = np.arange(room, dtype=np.uint32), np.full(room, n_images // 2, np.int32)
    total = kernels.number_copies(n, n_images, neighbour, image, owner, which)
    shifts = np.stack(np.unravel_index(which[:total], shape), axis=1) - most
    offset = np.zeros((total, 4))
    offset[:, :3] = shifts @ cells.vectors
    return owner[:total].copy(), offset


def _refuse_overlaps(model: PairModel, frame: Frame, cage: Any, order: NDArray[np.int64]) -> None:
    """Refuse hard spheres that overlap by more than rounding; the pair is named."""
    if not isinstance(model, HardSpheres):
        return
    from vitrify.protocols import _cage_kernels

    ratio, i, j = _cage_kernels.closest(cage, model.sigma)
    if ratio < 1 - _OVERLAP:
        where = f" ({frame.label})" if frame.label else ""
        raise ConfigurationError(
            f"Particles {order[i]} and {order[j]} overlap: they are {ratio:.10g} of their distance of contact apart{where}. "
            "A cage state of hard spheres needs a start without overlaps."
        )
