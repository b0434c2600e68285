"""Name -> "module:Class" tables. Strings, so that a table never imports what it lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from vitrify.errors import UnknownNameError


class Registry(Mapping[str, str]):
    """A lazy table of the members of one kind, open to other packages through entry points.

    Parameters
    ----------
    kind : str
        What a member is called in messages, such as ``"descriptor"``.
    members : dict of str to str
        Name to ``"module:attribute"``.

    Notes
    -----
    A third party adds a member with an entry point in the group ``vitrify.<kind>s``.
    """

    def __init__(self, kind: str, members: dict[str, str]) -> None:
        self.kind = kind
        self._own = dict(members)

    def _all(self) -> dict[str, str]:
        group = f"vitrify.{self.kind.replace(' ', '_')}s"
        return {**_entries(group, tuple(sys.path)), **self._own}

    def __getitem__(self, name: str) -> str:
        if name in self._own:  # its own members win, so other packages need not be asked
            return self._own[name]
        table = self._all()
        if name not in table:
            raise UnknownNameError(self.kind, name, table)
        return table[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def load(self, name: str) -> Any:
        """Import and return the member called `name`.

        Raises
        ------
        UnknownNameError
            If there is none; the message lists those that exist.
        """
        module, _, attribute = self[name].partition(":")
        return getattr(import_module(module), attribute)


@lru_cache(maxsize=64)
def _entries(group: str, path: tuple[str, ...]) -> dict[str, str]:
    """Return the members that packages on this path add: looking through them all takes a hundredth of a second."""
    del path  # what is found depends on it
    return {e.name: e.value for e in entry_points(group=group)}
