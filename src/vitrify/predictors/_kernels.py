"""Loops over observations and frames of the predictors. Plain arrays in, plain arrays out."""

from numba import njit


@njit(cache=True)
def linear_score(features, mean, scale, weights, bias, out):
    """Fill `out` (n,) with weights · (features - mean) / scale + bias, feature after feature.

    The order of the sum is fixed, so a value does not depend on the other rows of the batch.
    """
    for i in range(features.shape[0]):
        total = 0.0
        for k in range(features.shape[1]):
            if weights[k] != 0.0:
                total += (features[i, k] - mean[k]) / scale[k] * weights[k]
        out[i] = total + bias


@njit(cache=True)
def quiet_windows(values, start, threshold, length, not_before, quiet_since, frame, particle):
    """Find disjoint stretches of `length` frames below `threshold` and return how many end in this block.

    Parameters
    ----------
    values : (n, N)
        Frames from `start` on.
    not_before : (N,) int
        First frame at which a stretch of each particle may begin.
    quiet_since : (N,) int
        First frame of the stretch that each particle is in, -1 outside; carried from block to block.
    frame, particle : (m,) int
        Filled with the first frame and the particle of each stretch; with m = 0 they are only counted.
    """
    found = 0
    write = len(frame) > 0
    for t in range(values.shape[0]):
        for i in range(values.shape[1]):
            if values[t, i] < threshold and start + t >= not_before[i]:
                if quiet_since[i] < 0:
                    quiet_since[i] = start + t
                if start + t - quiet_since[i] + 1 == length:
                    if write:
                        frame[found] = quiet_since[i]
                        particle[found] = i
                    found += 1
                    quiet_since[i] = -1
            else:
                quiet_since[i] = -1
    return found
