"""Reference positions: which positions of a configuration its structure is measured on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from vitrify.engines import ENGINES
from vitrify.engines.base import Run, Thermostat
from vitrify.errors import ParameterError
from vitrify.models.base import PairModel
from vitrify.particles.frame import Frame
from vitrify.protocols.cage import CageState
from vitrify.protocols.inherent import Quench, quench

__all__ = ["Reference", "ReferencePositions", "TimeAverage"]

_KINDS = ("thermal", "inherent", "time-averaged", "cage")
_VELOCITY_STREAM = 7


@dataclass(frozen=True)
class Reference:
    """A configuration with its particles at their reference positions.

    Parameters
    ----------
    frame : Frame
        The same particles, as unwrapped as they were.
    name : str
        Which positions these are, for the account of a result, such as "cage(T=0.44,R=0.3,sweeps=1000)".
    fluctuation : (N,) float, length², or None
        Mean square distance from the reference position, of those positions that are means.
    """

    frame: Frame
    name: str
    fluctuation: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class TimeAverage:
    r"""Mean positions of short dynamics without restraint.

    .. math::

        \bar{\mathbf{r}}_i = \frac{1}{M F} \sum_{m=1}^{M} \sum_{k=1}^{F} \mathbf{r}_i^{(m)}(k\,t/F)

    What is done: M runs start from the configuration, each with velocities of its own from Maxwell's distribution; the mean
    is over F frames of each at even times up to `duration`, the start itself left out. Who rearranges meanwhile is found
    somewhere on the way.

    Parameters
    ----------
    temperature : float, energy/k_B
    duration : float, time
        Of each run, t; well below the relaxation time, well above that of a vibration.
    n_frames : int, default 50
        F; the interval is rounded to whole time steps.
    n_runs : int, default 1
        M.
    engine : str, default "lammps"
        Name in `vitrify.engines.ENGINES`; "event-driven" for hard spheres.
    time_step : float, time, default 0.005
    time_constant : float, time, default 1.0
        Of the thermostat.
    seed : int, default 0

    Raises
    ------
    ParameterError
        If a parameter is not positive, or the frames are closer than a time step.
    UnknownNameError
        If there is no such engine.

    Notes
    -----
    **Scale**: a particle that moves evenly by u in the time t has its mean at u (F + 1)/2F from the start.
    **Differs from**: cage states, in which nobody rearranges, and which no time enters.
    **Invariant under**: relabelling, images and translations as far as the engine is.
    **Cost**: that of the dynamics, M t.

    Examples
    --------
    A free sphere does not know where it will go; two runs average over different ways:

    >>> from vitrify.models.hard_spheres import HardSpheres
    >>> from vitrify.particles import Box
    >>> frame = Frame([[2.0, 2.0, 2.0], [6.0, 6.0, 6.0]], [0, 0], Box.orthorhombic([9.0, 9.0, 9.0]))
    >>> method = TimeAverage(1.0, duration=0.1, n_frames=5, n_runs=2, engine="event-driven")
    >>> reference = method.run(HardSpheres((1.0,), (1.0,)), frame)
    >>> reference.name, bool(np.linalg.norm(reference.frame.positions - frame.positions, axis=1).max() < 0.3)
    ('time-averaged(T=1,t=0.1,frames=5,runs=2,event-driven)', True)
    """

    temperature: float
    duration: float
    n_frames: int = 50
    n_runs: int = 1
    engine: str = "lammps"
    time_step: float = 0.005
    time_constant: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("temperature", "duration", "time_step", "time_constant"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` of a time average must be positive; it is {value}.")
        if self.n_frames < 1 or self.n_runs < 1:
            raise ParameterError(
                f"A time average needs one or more `n_frames` and `n_runs`; they are {self.n_frames}, {self.n_runs}."
            )
        if self.duration < self.n_frames * self.time_step * (1 - 1e-9):
            raise ParameterError(
                f"`duration` = {self.duration} has no room for `n_frames` = {self.n_frames} frames of one `time_step` = "
                f"{self.time_step} or more. Make it longer, or take fewer frames."
            )
        _ = ENGINES[self.engine]

    @property
    def name(self) -> str:
        """What results call it."""
        return (
            f"time-averaged(T={self.temperature:.10g},t={self.duration:.10g},frames={self.n_frames},"
            f"runs={self.n_runs},{self.engine})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters."""
        return asdict(self)

    def run(self, model: Any, frame: Frame, tick: Callable[[int], None] | None = None) -> Reference:
        """Return the mean positions over the runs from one configuration.

        Parameters
        ----------
        model : Any
            That the engine knows.
        frame : Frame
        tick : callable, optional
            Called with the number of frames just made; there are `n_runs` times `n_frames`.

        Returns
        -------
        Reference

        Raises
        ------
        EngineError
            If the engine stops.
        """
        steps = max(1, round(self.duration / self.n_frames / self.time_step))
        thermostat = Thermostat(time_constant=self.time_constant)
        run = Run(model, self.temperature, self.time_step, steps, thermostat, self.seed)
        total, square = np.zeros_like(frame.positions), np.zeros(frame.n_particles)
        for k in range(self.n_runs):
            moved = self._displacements(replace(run, seed=_seed_of_run(self.seed, k)), frame)
            total += moved.sum(axis=0)
            square += (moved**2).sum(axis=(0, 2))
            if tick is not None:
                tick(self.n_frames)
        count = self.n_runs * self.n_frames
        mean = total / count
        fluctuation = np.maximum(square / count - (mean**2).sum(axis=1), 0.0)
        return Reference(frame.with_positions(frame.positions + mean), self.name, fluctuation)

    def _displacements(self, run: Run, frame: Frame) -> NDArray[np.float64]:
        """Return the displacements from the start in the frames of one run, (F, N, d)."""
        engine = ENGINES.load(self.engine)()
        with tempfile.TemporaryDirectory(prefix="vitrify-time-average-") as folder:
            state = Path(folder, "state-0")
            engine.begin(run, frame, None, state)
            segment = engine.advance(run, state, self.n_frames, Path(folder, "state-1"))
        return np.asarray(segment.positions - frame.positions, np.float64)


@dataclass(frozen=True)
class ReferencePositions:
    """Which positions structure is measured on: one switch for any descriptor.

    Parameters
    ----------
    kind : {"thermal", "inherent", "time-averaged", "cage"}, default "thermal"
        The configuration as it is; the minimum of the energy below it, by `quench`; its mean over short dynamics, by
        `time_average`; its mean while nobody leaves its cage, by `cage`.
    quench : Quench, optional
        Default ``Quench()``. Only "inherent" uses it; the others have what they need in their own parameters.
    time_average : TimeAverage, optional
    cage : CageState, optional

    Raises
    ------
    ParameterError
        If the kind is another, or one without its method.

    Notes
    -----
    The species of the configuration are matched with those of the model by name. Results say by `name` which positions
    they rest on; `to_dict` holds the method of the kind alone, so that another one's parameters do not enter an identity.

    Examples
    --------
    >>> from vitrify.models.harmonic_spheres import HarmonicSpheres
    >>> from vitrify.particles import Box
    >>> pressed = Frame([[0.0, 0.0], [0.7, 0.0]], [0, 0], Box.orthorhombic([9.0, 9.0]))
    >>> reference = ReferencePositions("inherent").of(HarmonicSpheres(), pressed)
    >>> reference.name, reference.frame.positions.round(3).tolist()
    ('inherent(lbfgs)', [[-0.15, 0.0], [0.85, 0.0]])
    """

    kind: Literal["thermal", "inherent", "time-averaged", "cage"] = "thermal"
    quench: Quench = field(default_factory=Quench)
    time_average: TimeAverage | None = None
    cage: CageState | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ParameterError(
                f"`kind` of positions must be one of {', '.join(_KINDS)}; it is '{self.kind}'."
            )
        for kind, method in (("time-averaged", "time_average"), ("cage", "cage")):
            if self.kind == kind and getattr(self, method) is None:
                raise ParameterError(f"Positions of the kind '{kind}' need `{method}`; it is None.")

    @property
    def name(self) -> str:
        """What results call these positions."""
        if self.kind == "inherent":
            return f"inherent({self.quench.minimizer})"
        if self.kind == "time-averaged" and self.time_average is not None:
            return self.time_average.name
        return self.cage.name if self.kind == "cage" and self.cage is not None else self.kind

    def to_dict(self) -> dict[str, Any]:
        """Return the kind, and the parameters of its method."""
        method = {"inherent": "quench", "time-averaged": "time_average", "cage": "cage"}.get(self.kind)
        return {"kind": self.kind} | ({method: getattr(self, method).to_dict()} if method else {})

    @classmethod
    def from_dict(cls, parameters: Mapping[str, Any]) -> Self:
        """Return the switch that `to_dict` described."""
        methods = {"quench": Quench, "time_average": TimeAverage, "cage": CageState}
        given = {name: make(**parameters[name]) for name, make in methods.items() if name in parameters}
        return cls(parameters["kind"], **given)

    def of(self, model: PairModel, frame: Frame, tick: Callable[[int], None] | None = None) -> Reference:
        """Return the reference positions of one configuration.

        Parameters
        ----------
        model : PairModel
            Not used by "thermal".
        frame : Frame
            Thermal.
        tick : callable, optional
            Called with the number of sweeps or frames just made, by the methods that make any.

        Returns
        -------
        Reference

        Raises
        ------
        ParameterError, ConfigurationError, ConvergenceError, EngineError
            Those of the method.
        """
        if self.kind == "inherent":
            return Reference(quench(model, frame, self.quench), self.name)
        if self.kind == "time-averaged" and self.time_average is not None:
            return self.time_average.run(model, frame, tick)
        if self.kind == "cage" and self.cage is not None:
            result = self.cage.run(model, frame, tick)
            return Reference(frame.with_positions(result.positions), self.name, result.fluctuation)
        return Reference(frame, self.name)


def _seed_of_run(seed: int, k: int) -> int:
    """Return the seed of a run, which stays where runs are added."""
    state = np.random.SeedSequence([_VELOCITY_STREAM, seed, k]).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))
