"""Compression of hard spheres: they grow while they move, until the packing fraction is the wanted one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vitrify.engines._event_driven_flow import Flow, check_box, draw, filled, flight_time, flow_of, hard, rest
from vitrify.errors import ConvergenceError, ParameterError
from vitrify.models.hard_spheres import HardSpheres
from vitrify.particles import Box, Frame

_STREAM = 2  # of random numbers
_GROWTH_STEP = 0.01  # of the diameters, before velocities are brought back to their temperature
_JAMMED = 1e4  # collisions a particle during the time in which a free one moves by its diameter


def compress(
    start: Frame,
    model: HardSpheres,
    packing_fraction: float,
    *,
    growth_rate: float = 0.1,
    seed: int = 0,
    tick: Callable[[float], None] | None = None,
) -> tuple[Frame, NDArray[np.float64]]:
    r"""Bring hard spheres to a packing fraction by letting them grow while they move.

    The box of `start` is scaled to the wanted packing fraction at once and the spheres are shrunk until none overlap. Then
    their diameters grow evenly in time, σ(t) = σ(0) + `growth_rate` t σ/σ_max, while they collide; a collision adds the
    speed of the growing surfaces, and velocities are brought back to temperature 1 all along. Growth ends when the
    diameters are those of the model.

    Parameters
    ----------
    start : Frame
        At any density; random places will do. Rectangular and periodic.
    model : HardSpheres
    packing_fraction : float
        η of the particles of `start`.
    growth_rate : float, length/time, default 0.1
        Of the largest diameter at temperature 1. Slower growth comes closer to equilibrium, and to higher densities.
    seed : int
        Of the velocities.
    tick : callable, optional
        Called with the fraction of the growth that is done.

    Returns
    -------
    frame : Frame
        Without overlaps, at exactly the packing fraction; positions unwrapped.
    velocities : (N, d) float
        At temperature 1, without motion of the whole.

    Raises
    ------
    ParameterError
        If the packing fraction or the growth rate is out of range, or the box is tilted, open or too small.
    ConvergenceError
        If the spheres jam before; the packing fraction that was reached is named.

    Notes
    -----
    **Scale** the result at one packing fraction depends on `growth_rate` times √(m/k_B T). **Differs from** growth at
    constant speed, which heats: here the temperature is kept. **Invariant under** the density of `start`. **Cost** σ over
    `growth_rate`, in times, of dynamics.

    References
    ----------
    B. D. Lubachevsky, F. H. Stillinger, J. Stat. Phys. 60, 561 (1990).

    Examples
    --------
    >>> model = HardSpheres()
    >>> rng = np.random.default_rng(1)
    >>> start = Frame(rng.uniform(0, 5, (50, 3)), [0] * 15 + [1] * 35, Box.orthorhombic([5.0] * 3))
    >>> frame, velocities = compress(start, model, 0.4)
    >>> round(model.packing_fraction(frame.number_density), 12)
    0.4
    """
    if not (np.isfinite(growth_rate) and growth_rate > 0):
        raise ParameterError(f"`growth_rate` must be positive; it is {growth_rate}.")
    flow, start = _scaled(start, hard(model), packing_fraction)
    final, d = flow.radii.copy(), start.dimension
    ratio = flow.closest()[0] if len(final) > 1 else np.inf
    begun = scale = min(0.999 * ratio, 1.0)
    draw(flow, 1.0, np.random.default_rng([_STREAM, seed]))
    rate, flight = growth_rate / (2 * float(final.max())), flight_time(flow, 1.0)  # rate of the scale
    step = min(0.5 * flight, _GROWTH_STEP / rate)
    most = int(np.ceil(_JAMMED * len(final) * step / flight))
    while scale < 1.0:
        duration = min(step, (1.0 - scale) / rate)
        flow.radii = final * scale
        went_well = flow.go_on(duration, rate / scale, most)
        if went_well < duration:
            reached = packing_fraction * (scale + rate * went_well) ** d
            raise ConvergenceError(
                f"The spheres jam at a packing fraction of {reached:.4f}; {packing_fraction} was asked for. Lower "
                f"`growth_rate` (it is {growth_rate}) or the packing fraction."
            )
        scale = min(scale + rate * duration, 1.0) if duration == step else 1.0
        flow.velocities *= np.sqrt(1.0 / flow.temperature)
        if tick is not None:
            tick((scale - begun) / (1.0 - begun))
    rest(flow)
    flow.velocities *= np.sqrt(1.0 / max(flow.temperature, np.finfo(float).tiny))
    return start.with_positions(flow.positions[:, :d]), flow.velocities[:, :d].copy()


def _scaled(start: Frame, model: HardSpheres, packing_fraction: float) -> tuple[Flow, Frame]:
    """Return the frame in a box of the wanted packing fraction."""
    if not 0 < packing_fraction < 1:
        raise ParameterError(f"`packing_fraction` must lie between 0 and 1; it is {packing_fraction}.")
    d = start.dimension
    if not start.box.is_orthorhombic or not start.box.periodic.all():
        check_box(start.box, 0.0)
    factor = (filled(start, model) / packing_fraction) ** (1 / d)
    box = Box(start.box.vectors * factor, start.box.origin * factor, start.box.periodic)
    frame = Frame(
        start.positions * factor, start.species, box, start.species_names, start.label, start.particles
    )
    return flow_of(model, frame), frame
