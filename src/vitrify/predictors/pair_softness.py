"""Softness as a sum over pairs of any tabulated function of distance, at the distances themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.predictors.weight_functions import PairForm

if TYPE_CHECKING:
    import xarray as xr

    from vitrify.particles import Frame

Array = NDArray[np.float64]
_MOST_STEPS = 1_000_000
_TAIL = 6.0  # widths, beyond which a Gaussian adds nothing


@dataclass(frozen=True, eq=False)
class PairSoftness:
    r"""Softness as a sum over pairs: a constant and the weight functions of all neighbours.

    .. math::

        S_i = S_0 + \sum_X \sum_{j \in X} w_X(R_{ij})

    Parameters
    ----------
    constant : float
        S_0.
    r : (n,) array_like, length
        Ascending distances; neighbours beyond the last do not count.
    values : (n_species, n) array_like
        w at these distances, linear in between; below the first it is as there.
    species_names : sequence of str
    centre_species : str
    step : float, length, default 1e-3
        Of the table in which w is looked up: a jump of w is smeared over one.

    Raises
    ------
    ShapeError, ParameterError
        If the table is none, or the step is not positive.

    Notes
    -----
    **Scale**: that of the weights. **Differs from**: `CompiledSoftness`, which is the softness of radial functions to rounding;
    here w may be any function, and is known to the square of the step. **Invariant under**: translations, rotations, reflections,
    relabelling, choice of images; the number of threads. **Cost**: linear in particles and neighbours.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.14 to 6.16.

    Examples
    --------
    >>> from vitrify.particles import Box, Frame
    >>> pair = Frame([[0.0, 0.0], [1.1, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> PairSoftness(0.5, [1.0, 2.0], [[1.0, 0.0]], ["A"], "A").softness(pair).round(9).tolist()
    [1.4, 1.4]
    """

    constant: float
    r: Array
    values: Array
    species_names: tuple[str, ...]
    centre_species: str
    step: float = 1e-3
    _rows: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        r, values = np.array(self.r, np.float64), np.array(self.values, np.float64)
        object.__setattr__(self, "species_names", tuple(str(name) for name in self.species_names))
        if r.ndim != 1 or len(r) < 2 or values.shape != (len(self.species_names), len(r)):
            raise ShapeError(
                f"`values` must have shape (n_species, n) with at least two distances `r`; they have {values.shape} and {r.shape} "
                f"for {len(self.species_names)} species."
            )
        if not np.isfinite(values).all() or not (np.diff(r) > 0).all() or not r[0] >= 0:
            raise ParameterError("`r` must ascend from 0 or more and `values` be finite.")
        if not r[-1] / _MOST_STEPS < self.step < r[-1]:
            raise ParameterError(
                f"`step` must lie between the largest distance {r[-1]:g} and its {_MOST_STEPS}th part; it is {self.step}."
            )
        object.__setattr__(self, "r", r)
        object.__setattr__(self, "values", values)
        edges = (np.arange(int(r[-1] / self.step) + 4) - 0.5) * self.step
        at_edges = np.array([np.interp(edges, r, row) for row in values])
        rows = np.zeros((len(values), len(edges) - 1, 4))
        rows[:, :, 0] = 0.5 * (at_edges[:, 1:] + at_edges[:, :-1])
        rows[:, :, 1] = at_edges[:, 1:] - at_edges[:, :-1]
        rows[:, -1] = (
            0.0  # beyond the largest distance; what fills up the last lanes of the kernel looks there
        )
        object.__setattr__(self, "_rows", rows.reshape(len(values), -1))

    @classmethod
    def from_weights(
        cls, table: xr.Dataset, form: PairForm | None = None, *, narrow: bool = False, step: float = 1e-3
    ) -> PairSoftness:
        """Take the weight function of a trained softness, or a simple form of it.

        A neighbour at R adds what the radial functions see of it, the sum of w(r) exp[-(R - r)² / 2 delta²] over their radii. The
        weights of a support vector machine need that: neighbouring functions overlap, and their weights jump from one to the next.

        Parameters
        ----------
        table : xarray.Dataset
            From `weight_function`.
        form : PairForm, optional
            From `fit_exponential` or `fit_core`, in place of the weights themselves. The constant stays that of the weights.
        narrow : bool, default False
            The limit of eq. 6.14 in place of that: sqrt(2 pi) delta / spacing of the radii times w(R), interpolated. It is near to
            the softness only where w changes little within delta.
        step : float, default 1e-3

        Raises
        ------
        ParameterError
            If the limit is asked for and the radii are not evenly spaced, or a species has not all of them.
        """
        radii, delta = table["r"].values, float(table.attrs["delta"])
        weights = np.nan_to_num(table["weight"].transpose("neighbour", "r").values)
        species = np.arange(len(weights))[:, None]
        far = min(float(table.attrs["cutoff"]), radii[-1] + _TAIL * delta)
        if not narrow:
            at_radii = weights if form is None else form.value(radii, species)
            r = np.linspace(0.0, far, int(far / step) + 2)
            values = at_radii @ np.exp(-0.5 * ((r - radii[:, None]) / delta) ** 2)
        else:
            spacing = _spacing(table)
            r = radii if form is None else np.linspace(0.0, radii[-1], int(radii[-1] / step) + 2)
            values = weights if form is None else form.value(r, species)
            values = np.sqrt(2 * np.pi) * delta / spacing * values
        names = tuple(str(name) for name in table["neighbour"].values)
        return cls(float(table.attrs["constant"]), r, values, names, str(table.attrs["centre_species"]), step)

    @property
    def cutoff(self) -> float:
        """Distance beyond which no neighbour counts, length."""
        return float(self.r[-1])

    def softness(self, frame: Frame, particles: ArrayLike | None = None) -> Array:
        """Return the softness of particles of a configuration, (n,); by default of all of `centre_species`.

        Raises
        ------
        ParameterError
            If the species of the frame are not those of the weights.
        """
        from vitrify.particles.neighbors import cell_list
        from vitrify.predictors import _compiled_kernels
        from vitrify.predictors.trained import centres_of

        chosen = centres_of(frame, self.species_names, self.centre_species, particles)
        total = np.zeros((len(chosen), 1))
        if len(chosen):
            cells = cell_list(frame, self.cutoff)
            places = cells.rank[chosen]
            order = np.argsort(places, kind="stable")
            centres = places[order]
            changes = np.diff(cells.cell[centres], axis=0).any(axis=1)
            clusters = np.concatenate([[0], np.flatnonzero(changes) + 1, [len(centres)]])
            part = np.zeros_like(total)
            _compiled_kernels.pair_sums(cells, centres, clusters, self.step, self._rows, part)
            total[order] = part
        return self.constant + total[:, 0]


def _spacing(table: xr.Dataset) -> float:
    """Return the spacing of the radii, once it is seen to be even and the same for each species."""
    spacing = np.diff(table["r"].values)
    if not len(spacing) or np.ptp(spacing) > 1e-6 * spacing[0] or np.isnan(table["weight"].values).any():
        raise ParameterError(
            "The limit of narrow functions needs them at evenly spaced radii, the same for each species; there are "
            f"{len(spacing) + 1}."
        )
    return float(spacing[0])
