"""In which direction, and how steeply, softness rises around a particle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.descriptors.base import as_particles, positive_length
from vitrify.errors import ShapeError
from vitrify.particles.frame import Frame
from vitrify.particles.neighbors import cell_list

DEFAULT_CUTOFF = 2.5


def softness_gradient(
    frame: Frame,
    values: ArrayLike,
    cutoff: float = DEFAULT_CUTOFF,
    normalised: bool = False,
    *,
    particles: ArrayLike | None = None,
) -> NDArray[np.float64]:
    r"""Return the gradient of softness, or of any other number that particles carry, over the bonds to the neighbours.

    .. math::

        \nabla S_i = \sum_{j:\, R_{ij} < R_c} \frac{(S_j - S_i)\, \mathbf{R}_{ij}}{R_{ij}^2},
        \qquad \mathbf{R}_{ij} = \mathbf{r}_j - \mathbf{r}_i

    Parameters
    ----------
    frame : Frame
    values : (N,) array_like of float
        S. Particles whose value is NaN are no neighbours.
    cutoff : float, length, default 2.5
        R_c.
    normalised : bool, default False
        Multiply by d/n, with n neighbours that count: then a linear field has its own gradient in isotropic surroundings.
    particles : (n,) array_like of int, optional
        Only the gradients at these; every particle by default.

    Returns
    -------
    (N, d) or (n, d) float, unit of S per length
        NaN where the particle's own value is NaN, and, if normalised, where it has no neighbour.

    Raises
    ------
    ShapeError
        If there is not one value a particle.
    ParameterError
        If the cutoff is not a positive length.

    Notes
    -----
    **Scale**: a sum over neighbours as printed: for a linear field :math:`S = \mathbf{g} \cdot \mathbf{r}` about (n/d) **g**, which is 4 **g** in
    the first shell of fcc and about 26 **g** in a liquid of density 1.2 with R_c = 2.5. It points to larger S.
    **Differs from**: a gradient by least squares, which is exact for linear fields in any surroundings.
    **Invariant under**: translations, relabelling, S → S + c; it turns with the configuration.
    **Cost**: linear in particles and neighbours.

    References
    ----------
    Cubuk, PhD thesis (Harvard, 2016), eq. 6.8.

    Examples
    --------
    >>> from vitrify.particles import Box
    >>> row = Frame([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]], [0] * 3, Box.orthorhombic([9.0, 9.0]))
    >>> softness_gradient(row, [0.0, 0.5, 1.0], cutoff=1.5).tolist()
    [[0.5, 0.0], [1.0, 0.0], [0.5, 0.0]]
    """
    from vitrify.predictors import _gradient_kernels

    reach, chosen = positive_length("cutoff", cutoff), as_particles(frame, particles)
    field = np.asarray(values, np.float64)
    if field.shape != (frame.n_particles,):
        raise ShapeError(
            f"`values` needs one number a particle, {frame.n_particles}; it has shape {field.shape} ({frame.label})."
        )
    if not len(chosen):
        return np.empty((0, frame.dimension))
    cells = cell_list(frame, reach)
    found, counts = np.empty((len(chosen), 3)), np.empty(len(chosen), np.int64)
    _gradient_kernels.gradient(cells, cells.rank[chosen], field[cells.order], found, counts)
    found[np.isnan(field[chosen])] = np.nan
    gradients = found[:, : frame.dimension]
    if normalised:
        with np.errstate(divide="ignore", invalid="ignore"):
            gradients = gradients * (frame.dimension / counts)[:, None]
    return np.ascontiguousarray(gradients)
