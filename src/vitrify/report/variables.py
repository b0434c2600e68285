"""Dimensions and words of one variable of a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """Dimensions and words of one variable or coordinate.

    Parameters
    ----------
    dims : tuple of str
    symbol : str
        In TeX, without the dollar signs.
    long_name, units, definition : str
    optional : bool, default False
        Whether a data set may lack it.
    """

    dims: tuple[str, ...]
    symbol: str
    long_name: str
    units: str
    definition: str
    optional: bool = False

    def attrs(self) -> dict[str, str]:
        """Return the attributes that labels are made of."""
        return {
            "symbol": self.symbol,
            "long_name": self.long_name,
            "units": self.units,
            "definition": self.definition,
        }
