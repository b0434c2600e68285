"""A compiled softness as files for LAMMPS: the softness as the potential energy of an atom."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vitrify.errors import ParameterError
from vitrify.predictors.compiled import CompiledSoftness
from vitrify.predictors.pair_tables import PairFunction

TABLE, INPUT = "softness.table", "in.softness"
_INNER = 0.05
_FIRST_POINTS, _MOST_POINTS = 4000, 512_000
_ERROR = 1e-6


class LammpsExport(NamedTuple):
    """What was written.

    Attributes
    ----------
    table, commands : Path
        The tabulated pair energies, and a LAMMPS input that reads them.
    cutoff : float, length
    inner : float, length
        LAMMPS stops if two particles come closer.
    points : int
        Of each table.
    error : float
        Largest error of a softness from the interpolation of the tables, as for `interpolation_error`.
    """

    table: Path
    commands: Path
    cutoff: float
    inner: float
    points: int
    error: float


def export_lammps(compiled: CompiledSoftness, folder: str | Path) -> LammpsExport:
    r"""Write a LAMMPS ``pair_style table`` whose energy per atom is the softness less its constant.

    LAMMPS gives half of the energy of a pair to each of its atoms. So a centre i of species A and a neighbour j of
    species X have the pair energy

    .. math::

        E_{AX}(R) = 2 u_X(R), \quad S_i = S_0 + \tfrac{1}{2} \sum_j E_{A X_j}(R_{ij})

    Pairs without a centre have none. The energy of an atom that is not a centre means nothing: it is half of what its
    pairs with centres need.

    Parameters
    ----------
    compiled : CompiledSoftness
    folder : path
        Made if it is not there; gets ``softness.table`` and ``in.softness``. Atom types are the species in the order of
        `species_names`, from 1 on.

    Returns
    -------
    LammpsExport

    Raises
    ------
    ParameterError
        If there is no pair function, or one has a jump within its range, which no spline follows.
    DiskFullError
        If there is no room.

    Notes
    -----
    The table is even in R² and read with the style ``spline``; the number of points is doubled until the spline between
    them has an error of 1e-6 in the softness. **Cost**: a few seconds, a few megabytes.

    Examples
    --------
    >>> import tempfile
    >>> from vitrify.predictors.trained import TrainedSoftness
    >>> trained = TrainedSoftness(
    ...     [2.0], 0.5, [1.0], [4.0], ["G_A(1)"], {"name": "radial_density", "radii": [1.0]}, ["A"], "A"
    ... )
    >>> with tempfile.TemporaryDirectory() as out:
    ...     written = export_lammps(CompiledSoftness.from_trained(trained), out)
    ...     written.table.read_text().split()[:3], written.error < 1e-6
    (['#', 'Twice', 'the'], True)
    """
    from vitrify.files import write_whole

    functions = {s: compiled.pair_functions[s] for s in range(len(compiled.species_names))}
    functions = {s: u for s, u in functions.items() if u.reach > 0}
    if not functions:
        raise ParameterError("All weights of this softness are 0: there is no pair function to write.")
    for s, u in functions.items():
        if u.jumps:
            raise ParameterError(
                f"The pair function of neighbours {compiled.species_names[s]} has a jump at "
                f"{', '.join(f'{r:g}' for r in u.jumps)}, within its range {u.reach:g}; a LAMMPS table is a spline. Train "
                "with descriptors of one `cutoff`."
            )
    folder = Path(folder)
    inner = _INNER * min(u.reach for u in functions.values())
    points, error = _enough_points(list(functions.values()), inner, compiled.neighbours)
    table, commands = folder / TABLE, folder / INPUT
    sections = [
        _section(compiled.species_names[s], _sampled(u, inner, points)) for s, u in sorted(functions.items())
    ]
    write_whole(table, _ABOUT_TABLE.format(centre=compiled.centre_species) + "\n".join(sections))
    write_whole(commands, _commands(compiled, functions, points))
    return LammpsExport(table, commands, compiled.cutoff, inner, points, error)


_Samples = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def _sampled(u: PairFunction, inner: float, points: int) -> _Samples:
    """Return distances, pair energies and forces −dE/dR at points even in R²."""
    r = np.sqrt(np.linspace(inner**2, u.reach**2, points))
    r[-1] = u.reach
    return r, 2.0 * u.terms.sum(r), -2.0 * u.terms.slope(r)


def _enough_points(functions: list[PairFunction], inner: float, neighbours: int) -> tuple[int, float]:
    """Return a number of points and the error of a softness that it leaves."""
    points = _FIRST_POINTS
    while True:
        error = max(_spline_error(u, inner, points) for u in functions) * neighbours
        if error <= _ERROR or points >= _MOST_POINTS:
            return points, error
        points *= 2


def _spline_error(u: PairFunction, inner: float, points: int) -> float:
    """Return the largest error between points, in units of the larger of 1 and the sum of the absolute terms."""
    from scipy.interpolate import CubicSpline

    r, energy, force = _sampled(u, inner, points)
    ends = (-force[0] / (2.0 * r[0]), -force[-1] / (2.0 * r[-1]))
    spline = CubicSpline(r**2, energy, bc_type=((1, ends[0]), (1, ends[1])))
    squared = 0.5 * (r[1:] ** 2 + r[:-1] ** 2)
    between = np.sqrt(squared)
    wrong = np.abs(0.5 * spline(squared) - u.terms.sum(between)) / np.maximum(u.terms.envelope(between), 1.0)
    return float(wrong.max())


def _section(species: str, samples: _Samples) -> str:
    """Return the table of the pairs of a centre with neighbours of one species."""
    r = samples[0]
    head = f"{_keyword(species)}\nN {len(r)} RSQ {r[0]:.17g} {r[-1]:.17g}\n\n"
    rows = zip(*samples, strict=True)
    return head + "".join(f"{k} {x:.17g} {e:.17g} {f:.17g}\n" for k, (x, e, f) in enumerate(rows, 1))


def _keyword(species: str) -> str:
    """Return the name of a section, one word."""
    return "WITH_" + "_".join(species.split())


def _commands(compiled: CompiledSoftness, functions: dict[int, PairFunction], points: int) -> str:
    """Return the LAMMPS input."""
    names, centre = compiled.species_names, compiled.species_names.index(compiled.centre_species)
    coefficients = []
    for a in range(len(names)):
        for b in range(a, len(names)):
            other = b if a == centre else a
            if centre in (a, b) and other in functions:
                what = f"table {TABLE} {_keyword(names[other])} {functions[other].reach:.17g}"
            else:
                what = "none"
            coefficients.append(f"pair_coeff {a + 1} {b + 1} {what}")
    return _COMMANDS.format(
        centre=compiled.centre_species,
        centre_type=centre + 1,
        types=", ".join(f"{k + 1} {name}" for k, name in enumerate(names)),
        positions=compiled.positions,
        points=points,
        coefficients="\n".join(coefficients),
        one=max(compiled.neighbours, 2000),
        page=10 * max(compiled.neighbours, 2000),
        constant=compiled.constant,
    )


_ABOUT_TABLE = """\
# Twice the pair functions of the softness of {centre}, and minus their derivatives.
# An atom's energy is half of that of its pairs: for an atom {centre} its softness less the constant S_0.

"""

_COMMANDS = """\
# Softness of the particles {centre} (type {centre_type}), as their potential energy and a constant.
# Atom types: {types}. Positions: {positions}.
#
#   lmp -in in.softness -var configuration my.data -var out softness.dump
#
# Two dimensions: put "dimension 2" before read_data. Frames of a dump: replace "run 0" by
#   rerun my.dump dump x y z box yes

variable        configuration index configuration.data
variable        out index softness.dump

units           lj
atom_style      atomic
read_data       ${{configuration}}
mass            * 1.0

pair_style      hybrid table spline {points}
{coefficients}
neigh_modify    one {one} page {page}

compute         pair_energy all pe/atom pair
variable        softness atom c_pair_energy+({constant:.17g})
group           centre type {centre_type}
dump            softness centre custom 1 ${{out}} id type x y z v_softness
dump_modify     softness sort id format float %.12g
run             0
"""
