"""Attributes of labelled results: what a room calls its variables, and how a data set gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import xarray as xr


class Words(NamedTuple):
    """What the attributes of one variable say.

    Attributes
    ----------
    symbol : str
        In TeX, without the dollar signs.
    long_name, definition : str
    kind : str
        Of the unit, such as ``"1"`` or ``"temperature"``; or the unit itself, where no unit system decides.
    """

    symbol: str
    long_name: str
    definition: str
    kind: str = "1"

    def attrs(self, unit: Callable[[str], str] = str, definition: str | None = None) -> dict[str, str]:
        """Return the attributes; `unit` gives the unit of a kind, `definition` replaces that of the words.

        Examples
        --------
        >>> Words("t", "time", "since the start", "tau").attrs()["units"]
        'tau'
        """
        return {
            "symbol": self.symbol,
            "long_name": self.long_name,
            "units": unit(self.kind),
            "definition": self.definition if definition is None else definition,
        }


def filled(
    dataset: xr.Dataset,
    words: Mapping[str, Words],
    unit: Callable[[str], str] = str,
    definitions: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return the data set with the attributes of every variable filled in.

    Parameters
    ----------
    dataset : xarray.Dataset
    words : mapping of str to Words
        By variable; others keep what they have.
    unit : callable
        From the kind of unit to the unit.
    definitions : mapping of str to str, optional
        Of variables that mean something else here than in `words`.

    Returns
    -------
    xarray.Dataset
        The same values.

    Examples
    --------
    >>> import xarray as xr
    >>> table = {"time": Words("t", "time", "since the start", "time")}
    >>> filled(xr.Dataset({"time": ("lag", [1.0])}), table, {"time": "tau"}.__getitem__)["time"].attrs["units"]
    'tau'
    """
    found = dataset.copy()
    for name in words.keys() & set(map(str, found.variables)):
        found[name].attrs = words[name].attrs(unit, (definitions or {}).get(str(name)))
    return found
