"""Non-affine motion: how far the neighbours of a particle move beside the best affine map of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units, power

NORMALIZATIONS = ("mean", "sum")
_REDUCED = 0.5 + 1e-6


class NonaffineMotion(NamedTuple):
    """Motion of every particle's neighbourhood between two configurations; rows as in the first of them.

    Attributes
    ----------
    d2min : (N,) float, length²
        NaN for particles that are absent later or have fewer than d neighbours.
    n_neighbors : (N,) int
        Neighbours that are there in both configurations, every periodic image of them.
    n_lost : (N,) int
        Neighbours that are absent later: they are left out.
    deformation : (N, d, d) float
        J, with R(later) ≈ J R(before) for column vectors R; NaN where `d2min` is.
    """

    d2min: NDArray[np.float64]
    n_neighbors: NDArray[np.int64]
    n_lost: NDArray[np.int64]
    deformation: NDArray[np.float64]

    @property
    def strain(self) -> NDArray[np.float64]:
        """Local Green-Lagrange strain ½ (JᵀJ − 1), (N, d, d): zero for a rotation."""
        j = self.deformation
        return 0.5 * (np.swapaxes(j, -1, -2) @ j - np.eye(j.shape[-1]))


@dataclass(frozen=True)
class D2Min:
    r"""D²min of Falk and Langer: what is left of the motion of a neighbourhood after the best affine map of it.

    .. math::

        D^2_\mathrm{min}(i, t) = \min_J \frac{1}{z} \sum_{j:\, R_{ij}(t) < r_c}
        \left| R_{ij}(t + \Delta t) - J\, R_{ij}(t) \right|^2

    with R_ij the vector from particle i to its neighbour j and z the number of neighbours. The normalization "sum"
    leaves out the factor 1/z. Small where a neighbourhood is strained as a whole, large where it rearranges.

    Parameters
    ----------
    lag : int or None, frames
        From the frame of the neighbours, which the value belongs to, to the later one. None with `reference`.
    cutoff : float, length
        r_c. Every periodic image within it counts, also beyond half the box. Neighbours of all species.
    normalization : {"mean", "sum"}, default "mean"
        "mean" divides by z: eq. 4.3 of the thesis, with its thresholds. "sum" does not: eq. 6.2, Falk and Langer, and
        most codes. Thresholds differ by z, which is about 22 in two and 75 in three dimensions for r_c = 2.5.
    reference : int, frames, optional
        The frame of the neighbours, the same for all values: the value at frame t is the motion from there to t.

    Raises
    ------
    ParameterError
        If a number cannot be meant, or not exactly one of `lag` and `reference` is given.

    Notes
    -----
    **Scale**: length². A particle that alone moves by Δ among z neighbours with Σ R = 0 has Δ² ("mean") or z Δ²
    ("sum"). Noise of standard deviation s in every coordinate gives s² d (2z − d) / z ("mean").
    **Differs from**: Falk and Langer, who add 1 to a strain instead of fitting J, which is the same, and do not divide
    by z; codes that take the nearest image of every vector, which is wrong where a box is strained by more than a
    half. With exactly d neighbours the fit is perfect and the value 0; with fewer it is NaN. In directions that the
    neighbours do not span (all of them in one plane) J follows the box, and the value does not depend on that.
    **Invariant under**: translations, rotations and reflections, relabelling, the choice of periodic images, any affine
    map of box and particles together, another choice of vectors for the same lattice (tilt flips). Positions must be
    unwrapped: a particle that crosses the boundary must not jump.
    **Cost**: linear in N and in the number of neighbours, no list of pairs.

    References
    ----------
    Falk, Langer, Phys. Rev. E 57, 7192 (1998), eqs. 2.11 to 2.14.
    Cubuk, PhD thesis (Harvard, 2016), eqs. 4.3 and 6.2.

    Examples
    --------
    The particle in the middle of a cross moves by 0.1:

    >>> from vitrify.particles import Box
    >>> cross = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> moved = cross.copy()
    >>> moved[0, 0] += 0.1
    >>> box = Box.orthorhombic([9.0, 9.0])
    >>> frames = [Frame(cross, [0] * 5, box), Frame(moved, [0] * 5, box)]
    >>> D2Min(lag=1, cutoff=1.2).compute(frames)[0].round(12).tolist()
    [0.01, nan, nan, nan, nan]
    """

    name: ClassVar[str] = "d2min"
    reads: ClassVar[str] = "frames"
    lag: int | None
    cutoff: float
    normalization: str = "mean"
    reference: int | None = None

    def __post_init__(self) -> None:
        if (self.lag is None) == (self.reference is None):
            raise ParameterError(
                f"D2min needs either `lag`, in frames, or the frame `reference`; they are {self.lag} and {self.reference}."
            )
        for name, least in (("lag", 1), ("reference", 0)):
            value = getattr(self, name)
            if value is not None:
                if value != int(value) or value < least:
                    raise ParameterError(f"`{name}` is a number of frames, at least {least}; it is {value}.")
                object.__setattr__(self, name, int(value))
        if not (np.isfinite(self.cutoff) and self.cutoff > 0):
            raise ParameterError(f"`cutoff` must be a positive length; it is {self.cutoff}.")
        object.__setattr__(self, "cutoff", float(self.cutoff))
        if self.normalization not in NORMALIZATIONS:
            raise ParameterError(
                f"`normalization` must be one of {', '.join(NORMALIZATIONS)}; it is '{self.normalization}'."
            )

    @classmethod
    def example(cls) -> D2Min:
        """Return a member that can be tried: there is no lag and no cutoff for every liquid."""
        return cls(lag=3, cutoff=2.5)

    @property
    def halo(self) -> int:
        """Frames needed after a frame: the lag.

        Raises
        ------
        ParameterError
            With a `reference`, which may be any number of frames away.
        """
        if self.lag is None:
            raise ParameterError(
                f"D2min from the fixed frame `reference` = {self.reference} has no halo and cannot be streamed in blocks. "
                "Use `compute` on all frames, or a store."
            )
        return self.lag

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def attributes(self, units: Units = LJ) -> dict[str, str]:
        """Return units, symbol, long_name and definition of the values."""
        over = "mean over" if self.normalization == "mean" else "sum over"
        when = (
            f"from frame t to t+{self.lag}"
            if self.reference is None
            else f"from frame {self.reference} to frame t"
        )
        return {
            "units": power(units.length, 2),
            "symbol": "D2min",
            "long_name": "non-affine squared displacement",
            "definition": f"min_J of the {over} neighbours within {self.cutoff:g} of |R'-J R|^2, {when}",
        }

    def interval(self, frame: int) -> tuple[int, int]:
        """Return the two frames that the value at a frame comes from, that of the neighbours first."""
        if self.lag is None:
            assert self.reference is not None
            return self.reference, frame
        return frame, frame + self.lag

    def require_frames(self, n_frames: int) -> None:
        """Raise `ShapeError` if a trajectory is too short for a single value."""
        if self.lag is not None and n_frames <= self.lag:
            raise ShapeError(
                f"D2min with `lag` = {self.lag} needs at least {self.lag + 1} frames; this trajectory has {n_frames}. "
                "Use a smaller lag or save frames more often."
            )
        if self.reference is not None and n_frames <= self.reference:
            raise ShapeError(
                f"D2min from frame `reference` = {self.reference}, counted from 0, needs at least "
                f"{self.reference + 1} frames; this trajectory has {n_frames}."
            )

    def compute(self, frames: Sequence[Frame], n_particles: int | None = None) -> NDArray[np.float64]:
        """Return D²min of every particle at every frame.

        Parameters
        ----------
        frames : sequence of F Frame
            Unwrapped, in the order of time; between two of them the box is strained by less than a half. Particles may
            be absent (`Frame.particles` says which are there).
        n_particles : int, optional
            N, all particles of the trajectory; by default as many as are named by these frames.

        Returns
        -------
        (F, N) float, length²
            NaN where a particle is absent at one of the two times or has fewer than d neighbours, and at the last
            `lag` frames.

        Raises
        ------
        ShapeError
            If there are too few frames.
        ConfigurationError
            If a box cannot be followed from frame to frame.
        """
        self.require_frames(len(frames))
        flips = followed_lattice(
            np.array([f.box.vectors for f in frames]), frames[0].box.periodic, frames[0].label
        )
        named = max((int(f.particles[-1]) + 1 for f in frames if f.n_particles), default=0)
        values = np.full((len(frames), named if n_particles is None else n_particles), np.nan)
        for k in range(len(frames)):
            first, second = self.interval(k)
            if second < len(frames):
                start, later = frames[first], frames[second]
                motion = self.between(
                    start, later, relative_lattice(flips[first], flips[second]), with_deformation=False
                )
                values[k, start.particles] = motion.d2min
        return values

    def between(
        self,
        start: Frame,
        later: Frame,
        lattice: ArrayLike | None = None,
        *,
        with_deformation: bool = True,
    ) -> NonaffineMotion:
        """Return D²min, the affine map and the number of neighbours for the motion between two configurations.

        Parameters
        ----------
        start, later : Frame
            Unwrapped. Neighbours are those of `start`.
        lattice : (d, d) array_like of int, optional
            Rows say which vectors of the later box, in whole numbers, the vectors of the first box have become: what a
            tilt flip exchanges. By default it is told from the two boxes alone, right for strains below a half.
        with_deformation : bool, default True
            Whether the affine maps are wanted, (N, d, d); without them the array is empty.

        Returns
        -------
        NonaffineMotion
            One row for each particle of `start`.

        Raises
        ------
        ShapeError, ConfigurationError
            If the two frames do not belong together, or the box cannot be followed.

        Examples
        --------
        A simple shear by one whole box has no non-affine part:

        >>> from vitrify.particles import Box
        >>> positions = np.random.default_rng(0).uniform(0, 6, (50, 2))
        >>> shear = np.array([[1.0, 0.0], [1.0, 1.0]])
        >>> before = Frame(positions, [0] * 50, Box(6.0 * np.eye(2)))
        >>> after = Frame(positions @ shear, [0] * 50, Box(6.0 * shear))
        >>> motion = D2Min(lag=1, cutoff=2.0).between(before, after)
        >>> bool(motion.d2min.max() < 1e-25), motion.strain[0].round(12).tolist()
        (True, [[0.0, 0.5], [0.5, 0.5]])
        """
        from vitrify.rearrangements import _d2min_kernels

        d, n = start.dimension, start.n_particles
        gradient = box_gradient(start, later, lattice)
        rows = later.rows_of(start.particles)
        there = rows >= 0
        # in the frame of the deforming box only displacements count: its images move with it
        moved = np.zeros((n, 3))
        moved[:, :d] = later.positions[rows] if later.n_particles else 0.0
        moved[:, :d] -= start.positions if gradient is None else start.positions @ gradient
        moved[~there] = 0.0
        left = np.empty(n)
        n_neighbors, n_lost = np.empty(n, np.int64), np.empty(n, np.int64)
        affine = np.empty((n if with_deformation else 0, 3, 3))
        if n:
            cells = cell_list(start, self.cutoff)
            _d2min_kernels.nonaffine(
                cells, moved[cells.order], there[cells.order], d, left, affine, n_neighbors, n_lost
            )
        if self.normalization == "mean":
            left /= np.maximum(n_neighbors, 1)
        deformation = affine[:, :d, :d] + (np.eye(d) if gradient is None else gradient.T)
        return NonaffineMotion(left, n_neighbors, n_lost, deformation)


# -- boxes that change -----------------------------------------------------------------------------------------------


def followed_lattice(vectors: NDArray[np.float64], periodic: ArrayLike, label: str = "") -> NDArray[np.int64]:
    """Follow the vectors of a box through tilt flips.

    A box that is tilted by more than a half is often exchanged for one of the same lattice with less tilt. The vectors
    that were there at the beginning are then sums of the present ones.

    Parameters
    ----------
    vectors : (F, d, d) float, length
        Rows are the box vectors of each frame.
    periodic : (d,) array_like of bool
        Along open axes nothing is followed.
    label : str, optional
        Of the first frame, for messages.

    Returns
    -------
    (F, d, d) int
        T, with T[k] @ vectors[k] what has become of vectors[0].

    Raises
    ------
    ConfigurationError
        If the box changes by more than half between two frames and the lattices are not the same.

    Examples
    --------
    A shear by 0.2 a frame, flipped back at 0.5:

    >>> tilts = [0.0, 0.2, 0.4, -0.4, -0.2]
    >>> followed_lattice(np.array([[[1.0, 0.0], [t, 1.0]] for t in tilts]), [True, True])[-1].tolist()
    [[1, 0], [1, 1]]
    """
    vectors = np.asarray(vectors, np.float64)
    followed = np.broadcast_to(np.eye(vectors.shape[1], dtype=np.int64), vectors.shape).copy()
    for k in _changes(vectors):
        change = _lattice_change(vectors[k - 1], vectors[k], np.asarray(periodic, bool))
        if round(abs(np.linalg.det(change))) != 1:
            where = f" after {label}" if label else ""
            raise ConfigurationError(
                f"The box jumps between frames {k - 1} and {k}{where}: from {vectors[k - 1].tolist()} to "
                f"{vectors[k].tolist()}. A box can be followed while it is strained by less than a half from frame to frame."
            )
        followed[k:] = followed[k - 1] @ np.rint(np.linalg.inv(change)).astype(np.int64)
    return followed


def _changes(vectors: NDArray[np.float64]) -> Iterator[int]:
    """Yield the frames whose box differs so much from that of the frame before that a flip is possible."""
    scale = np.abs(vectors).max(axis=(1, 2))
    steps = np.abs(np.diff(vectors, axis=0)).max(axis=(1, 2))
    yield from (np.flatnonzero(steps > 0.01 * scale[:-1]) + 1).tolist()


def _lattice_change(
    before: NDArray[np.float64], after: NDArray[np.float64], periodic: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Whole numbers nearest to after · before⁻¹; no change if the later box is one that nothing flips to."""
    after = np.where(periodic[:, None], after, before)
    if not _is_reduced(after, periodic):
        return np.eye(len(before))
    return np.rint(after @ np.linalg.inv(before))


def _is_reduced(vectors: NDArray[np.float64], periodic: NDArray[np.bool_]) -> bool:
    """Whether no periodic vector is tilted by more than half of a former one."""
    upright = vectors.copy()
    for k in range(len(vectors)):
        for m in range(k):
            tilt = vectors[k] @ upright[m] / (upright[m] @ upright[m])
            upright[k] -= tilt * upright[m]
            if periodic[k] and periodic[m] and abs(tilt) > _REDUCED:
                return False
    return True


def relative_lattice(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what the vectors at one frame have become at another.

    Parameters
    ----------
    first, second : (d, d) int
        Two rows of `followed_lattice`.

    Returns
    -------
    (d, d) int

    Examples
    --------
    >>> relative_lattice(np.array([[1, 0], [1, 1]]), np.array([[1, 0], [3, 1]])).tolist()
    [[1, 0], [2, 1]]
    """
    if np.array_equal(first, second):
        return np.eye(len(first), dtype=np.int64)
    return np.rint(np.linalg.inv(first) @ second).astype(np.int64)


def box_gradient(start: Frame, later: Frame, lattice: ArrayLike | None = None) -> NDArray[np.float64] | None:
    """Return G (d, d), how the box deforms: a lattice vector a (row) of the first frame becomes a G. None for no change.

    Parameters
    ----------
    start, later : Frame
    lattice : (d, d) array_like of int, optional
        As of `D2Min.between`.

    Raises
    ------
    ShapeError
        If the dimensions differ.
    ConfigurationError
        If an axis is periodic in one frame only, or the box cannot be followed.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> wide = Frame(np.zeros((0, 2)), [], Box.orthorhombic([4.0, 4.0]))
    >>> box_gradient(wide, Frame(np.zeros((0, 2)), [], Box.orthorhombic([5.0, 4.0]))).tolist()
    [[1.25, 0.0], [0.0, 1.0]]
    """
    names = [f.label or f"frame {k}" for k, f in enumerate((start, later))]
    if start.dimension != later.dimension:
        raise ShapeError(
            f"{names[0]} is {start.dimension}D and {names[1]} {later.dimension}D; D2min compares frames of one trajectory."
        )
    periodic = start.box.periodic
    if (periodic != later.box.periodic).any():
        raise ConfigurationError(
            f"{names[0]} is periodic along {periodic.tolist()} and {names[1]} along {later.box.periodic.tolist()}; D2min "
            "compares frames of one trajectory."
        )
    before, after = start.box.vectors, later.box.vectors
    if lattice is None:
        lattice = followed_lattice(np.array([before, after]), periodic, start.label)[1]
    after = np.asarray(lattice, np.float64) @ after
    after = np.where(periodic[:, None], after, before)
    return None if np.array_equal(before, after) else start.box.inverse @ after
