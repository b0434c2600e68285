"""A value and its error as a reader expects them: two digits of the error, no more of the value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitrify.report.results import TableRow


@dataclass(frozen=True)
class Rounded:
    """A value with its errors, as text of equal precision.

    Parameters
    ----------
    value : str
        "not measured" for NaN.
    plus, minus : str
        Empty if the error is unknown; equal for a symmetric interval.
    """

    value: str
    plus: str = ""
    minus: str = ""

    def __str__(self) -> str:
        if not self.plus:
            return self.value
        if self.plus == self.minus:
            return f"{self.value} \u00b1 {self.plus}"
        return f"{self.value} +{self.plus} \u2212{self.minus}"


def rounded(row: TableRow) -> Rounded:
    """Round a row of the key table to two significant digits of its smaller error.

    Parameters
    ----------
    row : TableRow

    Returns
    -------
    Rounded

    Examples
    --------
    >>> str(rounded(TableRow("accuracy", None, 0.78412, 0.0126, 0.0131, 1043, "")))
    '0.784 ± 0.013'
    >>> str(rounded(TableRow("T0", None, 0.8031, 0.043, 0.057, None, "")))
    '0.803 +0.057 −0.043'
    """
    if not math.isfinite(row.value):
        return Rounded("not measured")
    errors = (row.error_high, row.error_low)
    positive = [e for e in errors if math.isfinite(e) and e > 0]
    if not positive:
        return Rounded(f"{row.value:.4g}")
    decimals = min(max(1 - math.floor(math.log10(min(positive))), 0), 9)
    value = f"{row.value:.{decimals}f}".replace("-", "\u2212")
    plus, minus = (f"{e:.{decimals}f}" if math.isfinite(e) else "?" for e in errors)
    return Rounded(value, plus, minus)


def events_text(events: int | None) -> str:
    """Return a count with no-break spaces between thousands, or a dash.

    Examples
    --------
    >>> events_text(None)
    '–'
    """
    return "\u2013" if events is None else f"{events:,}".replace(",", "\u00a0")
