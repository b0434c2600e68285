"""Unit systems and the strings that results carry in their attributes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """Names of the units of one system.

    Parameters
    ----------
    name : str
        ``"lj"`` or ``"metal"``, as in LAMMPS; ``"micron"`` for particles under a microscope.
    length, energy, mass, time, temperature : str
        What is written into the attributes of results.
    boltzmann : float
        k_B in energy per temperature of this system.
    """

    name: str
    length: str
    energy: str
    mass: str
    time: str
    temperature: str
    boltzmann: float


LJ = Units("lj", "sigma_AA", "epsilon_AA", "m", "tau", "epsilon_AA/k_B", 1.0)
METAL = Units("metal", "angstrom", "eV", "g/mol", "ps", "K", 8.617333262e-5)
MICRON = Units("micron", "um", "k_B T", "pg", "s", "K", 1.0)
SYSTEMS = {"lj": LJ, "metal": METAL, "micron": MICRON}


def power(unit: str, exponent: int) -> str:
    """Return the unit string of `unit` to an integer power.

    Examples
    --------
    >>> power("sigma_AA", 2)
    'sigma_AA^2'
    >>> power("g/mol", 2)
    '(g/mol)^2'
    """
    if exponent == 1:
        return unit
    return f"({unit})^{exponent}" if set(unit) & set("/^ ") else f"{unit}^{exponent}"
