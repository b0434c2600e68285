"""One look for all figures: type, colours of temperature and softness, labels from attributes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vitrify.errors import MissingExtraError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

INK = "#22252b"
FAINT = "#8b919b"
HARD = "#364b9a"
SOFT = "#c4302b"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")

# The two ends of a blue-to-red scale that stays apart in every common form of colour blindness (P. Tol, "sunset").
_COLD_TO_HOT = ("#364b9a", "#4a7bb7", "#6ea6cd", "#fdb366", "#f67e4b", "#dd3d2d", "#a50026")
_HARD_TO_SOFT = (
    "#364b9a", "#4a7bb7", "#6ea6cd", "#98cae1", "#c2e4ef", "#eaeccc",
    "#feda8b", "#fdb366", "#f67e4b", "#dd3d2d", "#a50026",
)  # fmt: skip
_STILL_TO_MOVING = ("#e4e6e9", "#feda8b", "#fdb366", "#f67e4b", "#dd3d2d", "#a50026")

_STYLE: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 11.0,
    "axes.labelsize": 12.0,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.linewidth": 0.8,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "errorbar.capsize": 0.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "vitrify",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "path.simplify": False,
}

_GREEK = {"epsilon": "\u03b5", "sigma": "\u03c3", "tau": "\u03c4"}
_RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the look of the report; the caller's matplotlib settings come back afterwards.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError("Drawing figures", "matplotlib", "report") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: Any = matplotlib.rcParams
        settings.update(_STYLE)
        yield


def axes_or_new(ax: Any, rows: int = 1, columns: int = 1) -> NDArray[Any]:
    """Return the given axes as a flat array, or those of a new figure.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise MissingExtraError("Drawing figures", "matplotlib", "report") from error
        size = (4.6 * columns, 3.5 if rows == 1 else 2.3 * rows)
        _, ax = pyplot.subplots(rows, columns, sharex="col", figsize=size, layout="constrained")
    return np.atleast_1d(np.asarray(ax, dtype=object)).ravel()


def _interpolate(anchors: Sequence[str], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    rgb = np.array([[int(a[k : k + 2], 16) / 255 for k in (1, 3, 5)] for a in anchors])
    knots = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(fraction, knots, rgb[:, k]) for k in range(3)], axis=-1)


def blue_to_red(values: ArrayLike, over: Sequence[float] | None = None) -> NDArray[np.float64]:
    """Return one line colour per temperature or softness: cold or hard is blue, hot or soft is red.

    Parameters
    ----------
    values : (n,) array_like of float
    over : (float, float), optional
        Lowest and highest of all figures of a page, so that one temperature has one colour everywhere.

    Returns
    -------
    (n, 3) ndarray of float
        Red, green, blue in 0..1; a single value is blue.

    Examples
    --------
    >>> blue_to_red([0.47, 0.70]).round(2).tolist()
    [[0.21, 0.29, 0.6], [0.65, 0.0, 0.15]]
    """
    values = np.atleast_1d(np.asarray(values, dtype=float))
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    cold, hot = over if over is not None else (known.min(), known.max())
    fraction = (values - cold) / (hot - cold) if hot > cold else np.zeros_like(values)
    return _interpolate(_COLD_TO_HOT, np.clip(np.nan_to_num(fraction), 0, 1))


def still_to_moving(fraction: ArrayLike) -> NDArray[np.float64]:
    """Return one colour per particle: pale at 0 (rattles in its place), dark red at 1 and above, grey for NaN.

    Examples
    --------
    >>> still_to_moving([0.0, 2.0]).round(2).tolist()
    [[0.89, 0.9, 0.91], [0.65, 0.0, 0.15]]
    """
    values = np.asarray(fraction, dtype=float)
    rgb = _interpolate(_STILL_TO_MOVING, np.clip(np.nan_to_num(values), 0, 1))
    rgb[~np.isfinite(values)] = (0.62, 0.64, 0.67)
    return rgb


def softness_colors(softness: ArrayLike, scale: float) -> NDArray[np.float64]:
    """Return one colour per particle: blue at -scale (hard), pale at 0, red at +scale (soft), grey for NaN.

    Parameters
    ----------
    softness : (...) array_like of float
    scale : float
        Softness at which the colours end.

    Returns
    -------
    (..., 3) ndarray of float
        Red, green, blue in 0..1.

    Examples
    --------
    >>> softness_colors([0.0], 2.0).round(2).tolist()
    [[0.92, 0.93, 0.8]]
    """
    values = np.asarray(softness, dtype=float)
    rgb = _interpolate(_HARD_TO_SOFT, np.clip(np.nan_to_num(values / (2 * scale)) + 0.5, 0, 1))
    rgb[~np.isfinite(values)] = (0.62, 0.64, 0.67)
    return rgb


def softness_scale(softness: ArrayLike) -> float:
    """Return the softness at which the colours end: the 90th percentile of its magnitude, 1 if there is none."""
    values = np.abs(np.asarray(softness, dtype=float))
    values = values[np.isfinite(values)]
    scale = float(np.percentile(values, 90)) if len(values) else 0.0
    return round(scale, 1) if scale > 0.1 else 1.0


def symbol(variable: xr.DataArray) -> str:
    """Return the symbol of a variable as matplotlib draws it, or its name."""
    tex = variable.attrs.get("symbol", "")
    return f"${tex}$" if tex else str(variable.attrs.get("long_name", variable.name)).replace("_", " ")


def unit_text(units: str) -> str:
    r"""Return a unit string in TeX: ``epsilon_AA/k_B`` becomes ``\epsilon_{AA}/k_{B}``; nothing for "1".

    Examples
    --------
    >>> unit_text("sigma_AA^2")
    '\\sigma_{AA}^{2}'
    >>> unit_text("1")
    ''
    """
    if units in ("", "1"):
        return ""
    tex = re.sub(r"\bum\b", r"\\mu\\mathrm{m}", units)
    tex = re.sub(r"_([A-Za-z0-9]+)", r"_{\1}", tex)
    tex = re.sub(r"\^(-?[0-9]+)", r"^{\1}", tex)
    tex = re.sub(r"\b(epsilon|sigma|tau)(?![a-z])", r"\\\1", tex)
    return re.sub(r"(?<![\\A-Za-z{])([A-Za-z]{2,})", r"\\mathrm{\1}", tex)


def unit_words(units: str) -> str:
    """Return a unit string as plain text: ``sigma_AA^2`` becomes "σ_AA²"; nothing for "1".

    Examples
    --------
    >>> unit_words("sigma_AA^2"), unit_words("um"), unit_words("1")
    ('σ_AA²', 'µm', '')
    """
    if units in ("", "1"):
        return ""
    text = re.sub(r"\bum\b", "\u00b5m", units)
    text = re.sub(r"\b(epsilon|sigma|tau)(?![a-z])", lambda m: _GREEK[m[1]], text)
    return re.sub(r"\^(-?[0-9]+)", lambda m: m[1].translate(_RAISED), text)


def same(values: NDArray[Any], value: float) -> NDArray[np.bool_]:
    """Return where values equal one of them; an unknown temperature, NaN, equals itself."""
    return np.isnan(values) if math.isnan(value) else np.asarray(values == value)


def axis_label(variable: xr.DataArray) -> str:
    """Return "long name symbol [unit]" from the attributes of a variable."""
    attrs = variable.attrs
    words = [str(attrs.get("long_name", variable.name)).replace("_", " ")]
    if attrs.get("symbol"):
        words.append(f"${attrs['symbol']}$")
    unit = unit_text(str(attrs.get("units", "1")))
    return " ".join(words) + (f"  $[{unit}]$" if unit else "")


def with_unit(text: str, variable: xr.DataArray, exponent: int = 1) -> str:
    """Append the unit of a variable, or of its inverse, to a label."""
    unit = unit_text(str(variable.attrs.get("units", "1")))
    if not unit:
        return text
    return f"{text}  $[{unit}]$" if exponent == 1 else f"{text}  $[({unit})^{{{exponent}}}]$"


def number(value: float, digits: int = 3) -> str:
    """Return a number for a legend, without trailing zeros.

    Examples
    --------
    >>> number(0.4700), number(12345.0), number(float("nan"))
    ('0.47', '12345', 'unknown')
    """
    if not math.isfinite(value):
        return "unknown"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def count(n: float) -> str:
    """Return a count with (no-break) spaces between thousands.

    Examples
    --------
    >>> count(12345).replace(chr(0xA0), " ")
    '12 345'
    """
    return f"{int(n):,}".replace(",", "\u00a0")


def labelled_axes(ax: Any, x: xr.DataArray, y: xr.DataArray) -> Any:
    """Return the given axes, or new ones, with the names of two variables along them."""
    ax = axes_or_new(ax)[0]
    ax.set_xlabel(axis_label(x))
    ax.set_ylabel(axis_label(y))
    return ax


def left_empty(ax: Axes, variable: xr.DataArray, anything: Any) -> bool:
    """Say in axes that there is nothing finite to draw, unless there is anything; return whether it was said."""
    if not anything:
        say_empty(ax, symbol(variable))
    return not anything


def legend_if_any(ax: Axes, **how: Any) -> None:
    """Draw a legend where something has a label."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(**how)


def error_bars(ax: Axes, x: NDArray[Any], value: NDArray[Any], error: NDArray[Any], **style: Any) -> None:
    """Draw points with bars of one error to both sides."""
    ax.errorbar(x, value, yerr=distances(value, value - error, value + error), **style)


def say_empty(ax: Axes, what: str) -> None:
    """Write into axes that there is nothing finite to draw."""
    ax.text(
        0.5, 0.5, f"no finite values of\n{what}", transform=ax.transAxes, ha="center", va="center", color=FAINT,
        gid="empty",
    )  # fmt: skip


def distances(value: NDArray[Any], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float64]:
    """Return (2, n) distances of the ends of intervals from their values, as error bars want them; NaN gives 0."""
    return np.nan_to_num(np.clip(np.stack([value - low, high - value]).astype(float), 0, None))
