"""p_hop and its events from plain numpy arrays, block by block, without a store.

Cages that jump now and then: each particle rattles about a centre and moves on by 0.8 with a known rate. The hazard
found should be that rate. There are a few events fewer than jumps, because jumps of one particle that follow each other
within a window are one event.
"""

import numpy as np

from vitrify.rearrangements.events import Events, at_risk, rearrangements
from vitrify.rearrangements.p_hop import PHop

N_FRAMES, N_PARTICLES, RATE, JUMP, RATTLE = 2000, 200, 0.002, 0.8, 0.03


def caged_walk(rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return unwrapped positions (F, N, 3) and the number of jumps in them."""
    jumps = rng.random((N_FRAMES, N_PARTICLES)) < RATE
    direction = rng.normal(size=(N_FRAMES, N_PARTICLES, 3))
    direction *= JUMP / np.linalg.norm(direction, axis=-1, keepdims=True)
    centres = np.cumsum(direction * jumps[..., None], axis=0)
    return centres + rng.normal(scale=RATTLE, size=centres.shape), int(jumps.sum())


positions, n_jumps = caged_walk(np.random.default_rng(0))
times = np.arange(N_FRAMES, dtype=float)

# All at once: p_hop of every particle at every frame, NaN where the window does not fit.
indicator = PHop(window=10)
p_hop = indicator.compute(positions)
print(f"p_hop: {p_hop.shape}, at rest {np.nanmedian(p_hop):.4f}, largest {np.nanmax(p_hop):.2f}", end=" ")
print(f"in units of {indicator.attributes()['units']}")

# From a reader of blocks, as for a trajectory that does not fit into memory. The table is an xarray Dataset.
finder = Events(event_threshold=0.05, rearrangement_threshold=0.2, window=10)
events = finder.stream(lambda start, stop: positions[start:stop], times, block=300)
moving = rearrangements(events)
print(f"{n_jumps} jumps made, {events.sizes['event']} events, {moving.sizes['event']} rearrangements")
print(f"mean displacement {float(moving['displacement'].mean()):.2f}, jumps are {JUMP}")

# A rate counts starts per frame at risk: a particle that is rearranging cannot start to rearrange.
frames = np.arange(indicator.window, N_FRAMES - 3 * indicator.window)
free = at_risk(events, frames, N_PARTICLES)
first, particle = moving["start_frame"].values, moving["particle"].values
counted = np.isin(first, frames)
counted[counted] = free[first[counted] - frames[0], particle[counted]]
print(f"hazard {counted.sum() / free.sum():.5f} per frame, jumps come at {RATE}")
