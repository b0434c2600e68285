"""The radial distribution function, of all particles or around chosen ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ConfigurationError, ParameterError, ShapeError
from vitrify.particles import Frame
from vitrify.particles.neighbors import cell_list
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class RadialDistribution:
    r"""g(r): how much likelier a neighbour is at distance r than in an ideal gas of the same density.

    .. math::

        g_{ab}(r) = \frac{\sum_{i \in a} n_b(i; r, r + \Delta r)}
        {\sum_{i \in a} (N_b - \delta_{ib}) / V \cdot v(r, r + \Delta r)}

    with n_b the particles of species b (other than i) in a shell and v its volume. The sums run over all frames.

    Parameters
    ----------
    r_max : float, length
        May exceed half the box; the last bin that fits ends at or below it.
    bin_width : float, length

    Raises
    ------
    ParameterError
        If no bin fits.

    Notes
    -----
    **Scale** an ideal gas gives 1 at every distance and size; δ_ib (1 if i is of species b) sees to it.
    **Differs from** codes that divide by N_b / V also for like species: those give 1 − 1/N_b there. A particle's own
    periodic images, which begin at the box length, are left out here.
    **Invariant under** translations, rotations, relabelling.
    **Cost** linear in N, cubic in `r_max`; memory independent of the number of pairs.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), Fig. 5.17: around hard and soft particles.

    Examples
    --------
    >>> from vitrify.particles import Box, Frame
    >>> two = Frame([[1.0, 1.0], [1.5, 1.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> found = RadialDistribution(r_max=1.0, bin_width=0.25).compute([two])
    >>> found["counts"].values[0, 0].tolist()
    [0, 0, 2, 0]
    """

    name: ClassVar[str] = "radial_distribution"
    r_max: float
    bin_width: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.r_max) and 0 < self.bin_width <= self.r_max):
            raise ParameterError(
                f"`bin_width` must be positive and not above `r_max`; they are {self.bin_width}, {self.r_max}."
            )

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins, (n + 1,), length."""
        n_bins = int(self.r_max / self.bin_width + 1e-9)
        return np.asarray(self.bin_width * np.arange(n_bins + 1), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the parameters."""
        return {"name": self.name, **asdict(self)}

    def compute(
        self,
        frames: Iterable[Frame],
        groups: Iterable[ArrayLike] | None = None,
        group_names: Sequence[str] = (),
        *,
        total: str | None = None,
        units: Units = LJ,
    ) -> xr.Dataset:
        """Return g(r) around each group of particles, by species of the neighbour.

        Parameters
        ----------
        frames : iterable of Frame
            Periodic along all axes; the same species in each.
        groups : iterable of (N,) array_like of int, optional
            For each frame the group of each particle, -1 for those that are no centres. By default the species.
        group_names : sequence of str
            Names in the order of the numbers; by default the species' names.
        total : str, optional
            Adds a group of this name, first, that is all groups together.
        units : Units, default LJ

        Returns
        -------
        xarray.Dataset
            Dimensions group, neighbor_species, r. ``g``; ``g_error``, the standard error from the scatter between frames (from
            counting where there is one frame); ``g_counting_error``; ``counts`` (ordered pairs). NaN around empty groups.

        Raises
        ------
        ConfigurationError
            If a box is open, or species differ between frames.
        ShapeError
            If there are no frames or `groups` does not match them.
        """
        tallies, names = [], tuple(group_names)
        given = iter(groups) if groups is not None else None
        species_names: tuple[str, ...] = ()
        for frame in frames:
            species_names = species_names or frame.species_names
            names = names or species_names
            if frame.species_names != species_names:
                raise ConfigurationError(
                    f"All frames must have the species {species_names}; one has {frame.species_names} ({frame.label})."
                )
            group = frame.species if given is None else next(given, None)
            tallies.append(self._tally(frame, _checked(group, frame, len(names)), len(names)))
        if not tallies:
            raise ShapeError("`frames` is empty; g(r) needs at least one configuration.")
        counts, twice, twice_of_all, expected = (np.stack(v) for v in zip(*tallies, strict=True))
        if total is not None:
            names = (total, *names)
            counts, expected = (
                np.concatenate([v.sum(axis=1, keepdims=True), v], axis=1) for v in (counts, expected)
            )
            twice = np.concatenate([twice_of_all[:, None], twice], axis=1)
        return self._dataset((counts, twice, expected), names, species_names, units)

    def _tally(
        self, frame: Frame, group: NDArray[np.int64], n_groups: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Ordered pairs, those met twice (in a group; in all together), and those of an ideal gas."""
        from vitrify.structure import _kernels

        if not frame.box.periodic.all():
            raise ConfigurationError(
                f"g(r) compares with the mean density of a periodic box; this one is open along an axis ({frame.label})."
            )
        n_species, edges = len(frame.species_names), self.edges
        cells = cell_list(frame, float(edges[-1]))
        counts, twice, twice_of_all = _kernels.pair_histogram(
            cells, group, n_groups, n_species, float(self.bin_width), len(edges) - 1
        )
        centres = group >= 0
        of_group = np.zeros((n_groups, n_species))
        np.add.at(of_group, (group[centres], frame.species[centres]), 1.0)
        others = of_group.sum(axis=1)[:, None] * np.bincount(frame.species, minlength=n_species) - of_group
        shell = np.diff(edges**2) * np.pi if frame.dimension == 2 else np.diff(edges**3) * 4 / 3 * np.pi
        return counts, twice, twice_of_all, others[..., None] / frame.box.volume * shell

    def _dataset(
        self,
        tallies: tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]],
        names: tuple[str, ...],
        species_names: tuple[str, ...],
        units: Units,
    ) -> xr.Dataset:
        import xarray as xr

        counts, twice, expected = tallies
        dims, edges = ("group", "neighbor_species", "r"), self.edges
        with np.errstate(invalid="ignore", divide="ignore"):
            g = counts.sum(axis=0) / expected.sum(axis=0)
            counting = np.sqrt(counts.sum(axis=0) + twice.sum(axis=0)) / expected.sum(axis=0)
            scatter = np.sqrt(((counts - g * expected) ** 2).sum(axis=0)) / expected.sum(axis=0)
        n = len(counts)
        error = scatter * np.sqrt(n / (n - 1)) if n > 1 else counting
        of_frames = "from the scatter between frames" if n > 1 else "from counting: there is one frame"
        words = {
            "g": (g, "g(r)", "radial distribution function", "neighbours over those of an ideal gas"),
            "g_error": (error, r"\delta g(r)", "standard error of g", of_frames),
            "g_counting_error": (counting, r"\delta g(r)", "counting error of g", "Poisson, each pair once"),
            "counts": (counts.sum(axis=0), "n", "ordered pairs", "centre and neighbour, over all frames"),
        }
        variables = {
            k: (dims, v, {"symbol": s, "long_name": text, "units": "1", "definition": d})
            for k, (v, s, text, d) in words.items()
        }
        coords = {
            "group": ("group", list(names), {"long_name": "central particles"}),
            "neighbor_species": ("neighbor_species", list(species_names), {"long_name": "neighbor species"}),
            "r": ("r", 0.5 * (edges[1:] + edges[:-1]), {"symbol": "r", "long_name": "distance", "units": units.length,
                  "definition": "center of the bin"}),
        }  # fmt: skip
        return xr.Dataset(variables, coords, {**self.to_dict(), "n_frames": n, "definition": words["g"][3]})


def _checked(group: Any, frame: Frame, n_groups: int) -> NDArray[np.int64]:
    found = None if group is None else np.ascontiguousarray(group, dtype=np.int64)
    if found is None or found.shape != (frame.n_particles,):
        raise ShapeError(
            f"`groups` needs one array of {frame.n_particles} numbers for each frame; got "
            f"{'none' if found is None else f'shape {found.shape}'} ({frame.label})."
        )
    if len(found) and (found.max() >= n_groups or found.min() < -1):
        raise ParameterError(
            f"`groups` holds numbers from {found.min()} to {found.max()}, but `group_names` has {n_groups} entries."
        )
    return found
