"""A configuration with a measured propensity: how far each particle goes on average over runs that start from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import ParameterError, ShapeError
from vitrify.particles.frame import Frame
from vitrify.units import LJ, Units

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

_SAME_TIME = 1e-6  # relative: times that a file has rounded are found


@dataclass(frozen=True, eq=False)
class MeasuredPropensity:
    r"""Mean displacement of each particle over runs that start from one configuration with different velocities.

    .. math::

        \langle |\Delta \mathbf{r}_i(t)| \rangle
        = \frac{1}{M} \sum_{m=1}^{M} |\mathbf{r}_i^{(m)}(t) - \mathbf{r}_i(0)|

    Parameters
    ----------
    frame : Frame
        The configuration at time 0, thermal positions.
    times : (T,) array_like of float, time
        Positive and ascending.
    propensity : (T, N) array_like of float, length
    n_runs : int
        M, behind every mean.
    standard_error : (T, N) array_like of float, length, optional
        Of each mean: spread over the runs divided by √M.
    displacements : (T, M, N) array_like of float, length, optional
        :math:`|\Delta \mathbf{r}|` of each run, where the source has them; a noise ceiling needs them.
    temperature : float, energy / k_B, optional
        Of the runs, where the source says it.
    scattering : (T,) array_like of float, optional
        Self-intermediate scattering function at the times, where the source has it.
    source : str, default ""
        Where it comes from, quoted in messages.
    unit_system : Units, default LJ

    Raises
    ------
    ShapeError
        If shapes disagree.
    ParameterError
        If times do not ascend, there is no run, or a value is negative or not finite.

    Notes
    -----
    **Scale**: a particle that moves by d in every run has d. **Differs from**: the root of the mean of Δr², and means over
    :math:`|\Delta \mathbf{r}|^2`, which weigh the farthest runs more. Positions are followed through the periodic boundary:
    no image is chosen, and a displacement may exceed half the box. **Invariant under**: the order of the runs.
    **Cost**: T M N numbers where the runs are kept.

    References
    ----------
    Widmer-Cooper, Harrowell, Fynewever, Phys. Rev. Lett. 93, 135701 (2004).
    Bapst, Keck, Grabska-Barwińska, …, Kohli, Nature Physics 16, 448 (2020).

    Examples
    --------
    Two runs that move a particle by 1 and by 3:

    >>> from vitrify.particles import Box
    >>> frame = Frame([[1.0, 1.0]], [0], Box.orthorhombic([4.0, 4.0]))
    >>> found = MeasuredPropensity.from_displacements(frame, [10.0], [[[1.0], [3.0]]])
    >>> found.propensity.tolist(), found.standard_error.tolist(), found.n_runs
    ([[2.0]], [[1.0]], 2)
    """

    frame: Frame
    times: Array
    propensity: Array
    n_runs: int
    standard_error: Array | None = None
    displacements: Array | None = None
    temperature: float | None = None
    scattering: Array | None = None
    source: str = ""
    unit_system: Units = LJ

    def __post_init__(self) -> None:
        where = f" ({self.source})" if self.source else ""
        times = _fixed(self.times)
        rising = times.ndim == 1 and len(times) > 0 and bool((np.diff(times, prepend=0.0) > 0).all())
        if not rising or not np.isfinite(times).all():
            raise ParameterError(
                f"`times` of a propensity must be positive and ascend, one or more; they are {times.tolist()}{where}."
            )
        if self.n_runs < 1:
            raise ParameterError(f"`n_runs` of a propensity must be at least 1; it is {self.n_runs}{where}.")
        t, n = len(times), self.frame.n_particles
        shapes = {
            "propensity": (t, n),
            "standard_error": (t, n),
            "displacements": (t, self.n_runs, n),
            "scattering": (t,),
        }
        object.__setattr__(self, "times", times)
        for name, shape in shapes.items():
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _checked(name, getattr(self, name), shape, where))

    @classmethod
    def from_displacements(
        cls,
        frame: Frame,
        times: ArrayLike,
        displacements: ArrayLike,
        temperature: float | None = None,
        source: str = "",
        unit_system: Units = LJ,
    ) -> MeasuredPropensity:
        """Return means and standard errors of displacements (T, M, N) of M runs.

        The standard error of a single run is not known and None.
        """
        runs = _fixed(displacements)
        where = f" ({source})" if source else ""
        if runs.ndim != 3:
            raise ShapeError(
                f"`displacements` must be (times, runs, particles); they have {runs.shape}{where}."
            )
        m = runs.shape[1]
        if m < 1:
            raise ParameterError(f"`n_runs` of a propensity must be at least 1; it is {m}{where}.")
        error = runs.std(axis=1, ddof=1) / np.sqrt(m) if m > 1 else None
        return cls(
            frame,
            _fixed(times),
            runs.mean(axis=1),
            m,
            error,
            runs,
            temperature,
            source=source,
            unit_system=unit_system,
        )

    @property
    def n_times(self) -> int:
        """T."""
        return len(self.times)

    @property
    def n_particles(self) -> int:
        """N."""
        return self.frame.n_particles

    def index(self, time: float) -> int:
        """Return which of the times is `time`, to one part in a million.

        Raises
        ------
        ParameterError
            If it is none of them; they are listed.
        """
        nearest = int(np.argmin(np.abs(self.times - time)))
        if abs(self.times[nearest] - time) > _SAME_TIME * abs(time):
            listed = ", ".join(f"{t:g}" for t in self.times)
            where = f" of {self.source}" if self.source else ""
            raise ParameterError(
                f"The propensity{where} was not measured at t = {time:g}. It was at {listed}."
            )
        return nearest

    def at(self, time: float) -> Array:
        """Return the propensity at one of the times, (N,), length.

        Raises
        ------
        ParameterError
            If it was not measured at this time.
        """
        return np.asarray(self.propensity[self.index(time)], np.float64)

    def of_species(self, name: str) -> Array:
        """Return the propensity of the particles of one species, (T, n), length."""
        return self.propensity[:, self.frame.of_species(name)]


def displacements_of_runs(samples: Sequence[MeasuredPropensity], time: float) -> xr.DataArray:
    r"""Return :math:`|\Delta \mathbf{r}|` of all runs at one time, as `vitrify.predictors.noise_ceiling` takes them.

    Parameters
    ----------
    samples : sequence of MeasuredPropensity
        One for each configuration, with `displacements` and the same number of particles.
    time : float, time

    Returns
    -------
    xarray.DataArray
        Dims configuration, run, particle; configurations that have fewer runs are filled with NaN. Coordinates:
        configuration, their sources (or numbers, where two have the same), and species along configuration, particle.

    Raises
    ------
    ParameterError
        If a sample has no displacements of single runs, or not at this time.
    ShapeError
        If the samples differ in their number of particles.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> frame = Frame([[1.0, 1.0]], [0], Box.orthorhombic([4.0, 4.0]))
    >>> sample = MeasuredPropensity.from_displacements(frame, [10.0], [[[1.0], [3.0]]])
    >>> displacements_of_runs([sample], 10.0).values.tolist()
    [[[1.0], [3.0]]]
    """
    import xarray as xr

    if not samples:
        raise ParameterError("Displacements of runs need at least one configuration; there is none.")
    n = samples[0].n_particles
    values = np.full((len(samples), max(s.n_runs for s in samples), n), np.nan)
    species = []
    for k, sample in enumerate(samples):
        if sample.displacements is None:
            raise ParameterError(
                f"{sample.source or f'Configuration {k}'} has only means over its {sample.n_runs} runs. A noise ceiling needs "
                "the displacements of each run."
            )
        if sample.n_particles != n:
            raise ShapeError(
                f"All configurations need the same number of particles; {sample.source or f'number {k}'} has "
                f"{sample.n_particles}, the first has {n}."
            )
        values[k, : sample.n_runs] = sample.displacements[sample.index(time)]
        species.append(np.array(sample.frame.species_names)[sample.frame.species])
    labels = [s.source for s in samples]
    unique = all(labels) and len(set(labels)) == len(labels)
    return xr.DataArray(
        values,
        dims=("configuration", "run", "particle"),
        coords={
            "configuration": labels if unique else list(range(len(samples))),
            "species": (("configuration", "particle"), np.stack(species)),
        },
        name="displacement",
        attrs={
            "units": samples[0].unit_system.length,
            "symbol": r"|\Delta r|",
            "long_name": "displacement of a run",
            "definition": "|r(t) - r(0)|, positions unwrapped",
            "time": float(time),
        },
    )


def _fixed(values: ArrayLike) -> Array:
    array = np.array(values, np.float64, order="C")
    array.setflags(write=False)
    return array


def _checked(name: str, values: ArrayLike, shape: tuple[int, ...], where: str) -> Array:
    array = _fixed(values)
    if array.shape != shape:
        raise ShapeError(f"`{name}` must have shape {shape}; it has {array.shape}{where}.")
    bad = ~np.isfinite(array) | ((array < 0) & (name != "scattering"))
    if bad.any():
        raise ParameterError(
            f"`{name}` has {int(bad.sum())} of {array.size} values that are negative or not finite{where}. Leave this "
            "configuration out, or repair its file."
        )
    return array
