"""Hypothesis strategies for configurations: any box, any number of species, two and three dimensions.

Needs the 'dev' extra (hypothesis). Plain seeded generators are here too, for tests that do not draw.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from vitrify.particles import Box, Frame


def random_box(rng: np.random.Generator, dimension: int, *, tilted: bool, periodic: bool = True) -> Box:
    """Return a box with edges of 3 to 6, its corner somewhere near the origin.

    Parameters
    ----------
    rng : numpy.random.Generator
    dimension : int
        2 or 3.
    tilted : bool
        Tilts of up to half an edge.
    periodic : bool, default True
        Along all axes, or along none.

    Examples
    --------
    >>> random_box(np.random.default_rng(0), 2, tilted=False).is_orthorhombic
    True
    """
    edges = rng.uniform(3.0, 6.0, dimension)
    vectors = np.diag(edges)
    if tilted:
        vectors += np.tril(rng.uniform(-0.5, 0.5, (dimension, dimension)), -1) * edges
    return Box(vectors, rng.uniform(-2.0, 2.0, dimension), np.full(dimension, periodic))


def random_frame(
    rng: np.random.Generator,
    n_particles: int,
    *,
    dimension: int = 3,
    n_species: int = 2,
    tilted: bool = False,
    periodic: bool = True,
) -> Frame:
    """Return particles anywhere in a `random_box`, no two closer than a tenth of their mean spacing.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_particles : int
        N.
    dimension, n_species : int
        d, and how many species there are names for; not all of them need occur.
    tilted, periodic : bool
        As in `random_box`.

    Examples
    --------
    >>> random_frame(np.random.default_rng(0), 5, dimension=2, n_species=3).species_names
    ('A', 'B', 'C')
    """
    box = random_box(rng, dimension, tilted=tilted, periodic=periodic)
    closest = 0.1 * (box.volume / max(n_particles, 1)) ** (1 / dimension)
    positions = np.empty((0, dimension))
    while len(positions) < n_particles:
        new = box.origin + rng.random(dimension) @ box.vectors
        gaps = np.linalg.norm(box.minimum_image(positions - new), axis=-1)
        if not len(positions) or gaps.min() > closest:
            positions = np.vstack([positions, new])
    names = tuple(chr(ord("A") + k) for k in range(n_species))
    return Frame(positions, rng.integers(0, n_species, n_particles), box, names)


@st.composite
def frames(draw: st.DrawFn, max_particles: int = 20, *, periodic: bool | None = None) -> Frame:
    """Draw a frame: 1 to `max_particles` particles, 1 to 3 species, 2D or 3D, straight or tilted, periodic or open.

    Parameters
    ----------
    max_particles : int, default 20
    periodic : bool, optional
        Both by default.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_frame(
        rng,
        draw(st.integers(1, max_particles)),
        dimension=draw(st.sampled_from((2, 3))),
        n_species=draw(st.integers(1, 3)),
        tilted=draw(st.booleans()),
        periodic=draw(st.booleans()) if periodic is None else periodic,
    )


def rotation(rng: np.random.Generator, dimension: int) -> np.ndarray:
    """Return a random proper rotation, (d, d); positions as rows turn by ``positions @ rotation``.

    Examples
    --------
    >>> turn = rotation(np.random.default_rng(0), 3)
    >>> bool(np.allclose(turn @ turn.T, np.eye(3))), round(float(np.linalg.det(turn)), 12)
    (True, 1.0)
    """
    q, r = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    q = q * np.sign(np.diag(r))
    if np.linalg.det(q) < 0:
        q[:, 0] *= -1
    return q
