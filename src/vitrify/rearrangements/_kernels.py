"""Loops over frames and particles of the indicators and events. Plain arrays in, plain arrays out."""

import numpy as np
from numba import njit, prange

CHUNK = 64  # particles whose window means stay in the first-level cache together


@njit(cache=True)
def _p_hop_chunk(flat, d, half, first, last, out):
    """p_hop of particles [first, last); `flat` is (F, N * d).

    With m, v the mean and variance of a block of `half` frames, <(r - m_B)^2>_A = v_A + |m_A - m_B|^2: every block is
    averaged once, from its own frames only, and serves as B and, `half` frames later, as A.
    """
    n, k0 = last - first, first * d
    columns = n * d
    inverse = 1.0 / half
    means = np.empty((half, columns))
    variances = np.empty((half, columns))
    mean = np.empty(columns)
    variance = np.empty(columns)
    for s in range(flat.shape[0] - half + 1):
        for k in range(columns):
            mean[k] = flat[s, k0 + k]
            variance[k] = 0.0
        for w in range(1, half):
            for k in range(columns):
                mean[k] += flat[s + w, k0 + k]
        for k in range(columns):
            mean[k] *= inverse
        for w in range(half):
            for k in range(columns):
                x = flat[s + w, k0 + k] - mean[k]
                variance[k] += x * x
        slot = s % half
        if s >= half:
            for i in range(n):
                before, after, apart = 0.0, 0.0, 0.0
                for k in range(i * d, i * d + d):
                    x = mean[k] - means[slot, k]
                    apart += x * x
                    before += variances[slot, k]
                    after += variance[k]
                out[s, first + i] = np.sqrt((before * inverse + apart) * (after * inverse + apart))
        for k in range(columns):
            means[slot, k] = mean[k]
            variances[slot, k] = variance[k]


@njit(cache=True, parallel=True)
def p_hop(flat, d, half, out):
    """Fill `out` (F, N) at the frames half … F - half from `flat` (F, N * d)."""
    n_particles = out.shape[1]
    n_chunks = (n_particles + CHUNK - 1) // CHUNK
    for c in prange(n_chunks):
        first = c * CHUNK
        _p_hop_chunk(flat, d, half, first, min(first + CHUNK, n_particles), out)


@njit(cache=True)
def count_closing(values, threshold, is_open, final):
    """How many events end within a block, per particle (N,). `final`: whatever is open at its end is closed."""
    n_frames, n_particles = values.shape
    counts = np.zeros(n_particles, np.int64)
    above = is_open.copy()
    for t in range(n_frames):
        for i in range(n_particles):
            now = values[t, i] > threshold
            if above[i] and not now:
                counts[i] += 1
            above[i] = now
    if final:
        for i in range(n_particles):
            counts[i] += above[i]
    return counts


@njit(cache=True)
def _mean_frames(positions, first, n, i, out):
    """Mean over `n` frames from `first` of particle `i` into `out` (d,)."""
    for k in range(positions.shape[2]):
        total = positions[first, i, k]
        for w in range(1, n):
            total += positions[first + w, i, k]
        out[k] = total / n


@njit(cache=True)
def _close(state, row, i, last, seen, positions, lo, half, rows, reals):
    """Write the event of particle `i` that ends at frame `last` into line `row`."""
    _, _, first, peak, highest, start_seen, mean_before, start_position = state
    mean_after = np.empty(positions.shape[2])
    _mean_frames(positions, last - lo, half, i, mean_after)
    mean2, raw2 = 0.0, 0.0
    for k in range(positions.shape[2]):
        x = mean_after[k] - mean_before[i, k]
        y = positions[last + half - 1 - lo, i, k] - start_position[i, k]
        mean2 += x * x
        raw2 += y * y
    rows[row, 0] = i
    rows[row, 1] = first[i]
    rows[row, 2] = peak[i]
    rows[row, 3] = last
    rows[row, 4] = start_seen[i]
    rows[row, 5] = seen
    reals[row, 0] = highest[i]
    reals[row, 1] = np.sqrt(mean2)
    reals[row, 2] = np.sqrt(raw2)


@njit(cache=True)
def scan_events(values, start, positions, lo, threshold, half, state, offsets, final, rows, reals):
    """Follow every particle through a block of p_hop and write the events that end in it.

    Parameters
    ----------
    values : (n, N)
        p_hop of the frames from `start` on.
    positions : (m, N, d)
        Of the frames from `lo` on, with the halo on both sides.
    state : tuple of arrays over particles, carried from block to block
        is_open, known (the frame before had a value), first, peak, highest, start_seen, mean_before (N, d),
        start_position (N, d).
    offsets : (N,)
        First line of each particle in `rows` (particle, first, peak, last, start seen, end seen) and `reals`
        (p_hop_max, displacement, raw displacement).
    """
    is_open, known, first, peak, highest, start_seen, mean_before, start_position = state
    n_frames, n_particles = values.shape
    at = offsets.copy()
    for t in range(n_frames):
        frame = start + t
        for i in range(n_particles):
            p = values[t, i]
            if p > threshold:
                if not is_open[i]:
                    is_open[i] = True
                    first[i] = frame
                    peak[i] = frame
                    highest[i] = p
                    start_seen[i] = known[i]
                    _mean_frames(positions, frame - half - lo, half, i, mean_before[i])
                    start_position[i] = positions[frame - half - lo, i]
                elif p > highest[i]:
                    highest[i] = p
                    peak[i] = frame
            elif is_open[i]:
                is_open[i] = False
                ended = p <= threshold  # otherwise NaN: the trajectory stops while the particle still moves
                last = frame if ended else frame - 1
                _close(state, at[i], i, last, ended, positions, lo, half, rows, reals)
                at[i] += 1
            known[i] = not np.isnan(p)
    if final:
        for i in range(n_particles):
            if is_open[i]:
                is_open[i] = False
                _close(state, at[i], i, start + n_frames - 1, False, positions, lo, half, rows, reals)
                at[i] += 1


@njit(cache=True)
def mark_between(particle, lo, hi, out):
    """Set out[lo:hi, particle] to False for every event."""
    for e in range(len(particle)):
        for t in range(lo[e], hi[e]):
            out[t, particle[e]] = False
