"""Synthetic images of a colloidal glass in two dimensions, and the tracks that trackpy finds in them: tracks.csv.

Soft discs of two sizes move at random in a periodic plane. The microscope sees a part of it, so that discs come and go at
the edges. docs/how-to/colloid-tracks.md goes on from the file. A pixel is 1/14 of the smaller diameter.
"""

import warnings

import numpy as np
import trackpy
from scipy.spatial import cKDTree

N, N_IMAGES, STEPS, TEMPERATURE, PIXELS, HIDDEN, DT = 500, 250, 200, 0.003, 14, 1.5, 0.1
rng = np.random.default_rng(1)
diameter = np.where(np.arange(N) % 2, 1.4, 1.0)
side = np.sqrt(np.pi / 4 * (diameter**2).sum() / 0.9)


def move(r: np.ndarray, steps: int, temperature: float) -> np.ndarray:
    """Return where the discs are after random steps; they push each other apart while they overlap."""
    for step in range(steps):
        if step % 20 == 0:
            i, j = cKDTree(r % side, boxsize=side).query_pairs(1.8, output_type="ndarray").T
            touching = (diameter[i] + diameter[j]) / 2
        apart = r[i] - r[j]
        apart -= side * np.rint(apart / side)
        distance = np.linalg.norm(apart, axis=1)
        push = (2 * DT / touching * np.maximum(1 - distance / touching, 0) / distance)[:, None] * apart
        r = r + np.sqrt(2 * temperature * DT) * rng.normal(size=r.shape)
        for axis in range(2):
            r[:, axis] += np.bincount(i, push[:, axis], N) - np.bincount(j, push[:, axis], N)
    return r


def image(r: np.ndarray) -> np.ndarray:
    """Return what a camera sees: a spot for each disc, noise, 8 bits."""
    pixels = int((side - 2 * HIDDEN) * PIXELS)
    light = rng.normal(0.03, 0.01, (pixels + 40, pixels + 40))
    near = np.arange(-15, 16)
    for x, y, width in zip(*(20 + PIXELS * (r % side - HIDDEN)).T, 2.4 * np.sqrt(diameter), strict=True):
        if min(x, y) > 16 and max(x, y) < pixels + 24:
            rows, columns = int(y) + near, int(x) + near
            spot = np.exp(-((rows - y)[:, None] ** 2 + (columns - x) ** 2) / (2 * width**2))
            light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += spot
    return (200 * light[20:-20, 20:-20]).clip(0, 255).astype(np.uint8)


discs = move(rng.random((N, 2)) * side, 500, 0.0)
for hot in (*np.geomspace(0.02, TEMPERATURE, 8), TEMPERATURE):
    discs = move(discs, 400, hot)
images = [image(discs := move(discs, STEPS, TEMPERATURE)) for _ in range(N_IMAGES)]
with warnings.catch_warnings():  # trackpy uses what later versions of pandas will not have
    warnings.simplefilter("ignore")
    trackpy.quiet()
    spots = trackpy.batch(images, 9, minmass=1000, separation=9, processes=1)
    tracks = trackpy.filter_stubs(trackpy.link(spots, 7, memory=3), 20)  # lost for 3 images at most
is_large = tracks.groupby("particle")["size"].transform("median") > 2.28
tracks.assign(kind=np.where(is_large, "B", "A")).to_csv("tracks.csv", index=False)
print(f"{len(set(tracks['particle']))} tracks, {len(tracks) / N_IMAGES:.0f} discs in an image: tracks.csv")
