"""Numbers out of the text of a dump: every decimal rounded as Python's ``float`` does.

A decimal is a whole number w times a power of ten. Where both are exact in double precision, one multiplication or
division rounds once. Otherwise the 128 leading bits of the power of five decide (Lemire, Software: Practice and
Experience 51, 1700 (2021)); the few texts that even these leave open, and all that are no plain decimals, are handed
back for Python to look at.

Bytes are taken from memory 8 or 64 at once, the first one lowest, as on all processors that numba knows but one.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

FLOAT, WHOLE, WORD = 0, 1, 2
"""Kinds of columns: float64, int64, and short words packed into an int64."""

DONE, LOOK, SHORT, LONG, ENDED = 0, 1, 2, 3, 4
"""Why `parse_rows` came back: all rows are there; a field to look at; a row of too few or too many; no rows left."""

ROWS = 64
"""That are looked at together."""

MARGIN = 128  # bytes that must stand behind the rows, the first of them a line end
_ONE_BY_ONE = 3  # mode of a column whose fields do not fit into words
WORD_BYTES = 7  # a longer word is handed back: its code would not fit below the sign of an int64

_LEAST_POWER, _LARGEST_POWER = -342, 308  # outside, every float64 is 0 or infinite
_EXACT_POWER = 22  # 10^22 is the last power of ten that a float64 holds exactly
_MOST_DIGITS = 19  # that fit into 64 bits
_BLANK, _NEWLINE, _PLUS, _MINUS, _POINT, _ZERO = 32, 10, 43, 45, 46, 48
_A, _E, _F, _I, _N = 97, 101, 102, 105, 110


def _powers_of_five() -> NDArray[np.uint64]:
    """Return the 128 leading bits of 5^q in two words, for all q in question; rounded down, reciprocals up."""
    table = np.empty((_LARGEST_POWER - _LEAST_POWER + 1, 2), np.uint64)
    for row, q in enumerate(range(_LEAST_POWER, _LARGEST_POWER + 1)):
        power = 5 ** abs(q)
        if q >= 0:
            shift = 128 - power.bit_length()
            leading = power << shift if shift >= 0 else power >> -shift
        else:
            leading = (1 << (power.bit_length() + 127)) // power + 1
            leading >>= max(0, leading.bit_length() - 128)
        table[row] = leading >> 64, leading & (2**64 - 1)
    return table


_FIVES = _powers_of_five()
_ONES = np.uint64(0x0101010101010101)
_TOP_BITS = np.uint64(0x8080808080808080)
_TO_THE_TOP_BIT = np.uint64(0x7676767676767676)  # added to a byte above 9 it sets the top bit
_EVERY_SECOND = np.uint64(0x00FF00FF00FF00FF)
_EVERY_FOURTH = np.uint64(0x0000FFFF0000FFFF)
_LOWER_HALF = np.uint64(0xFFFFFFFF)
_POINTS, _ZEROS = np.uint64(_POINT) * _ONES, np.uint64(_ZERO) * _ONES
_DOES_NOT_FIT = ~np.uint64(0)
_UPPER_BYTES = np.array([2**64 - 2 ** (64 - 8 * k) for k in range(9)], np.uint64)
_MARK, _MARK_END = (np.uint64(int.from_bytes(part, "little")) for part in (b"ITEM: TI", b"TIMESTEP"))
_WHOLE_TENS = np.array([10**k for k in range(17)], np.uint64)
_TENS = np.array([10.0**k for k in range(_EXACT_POWER + 1)])


@intrinsic
def _byte(context, at):  # noqa: ARG001
    """Return the byte at an address."""

    def build(context, builder, signature, arguments):  # noqa: ARG001
        return builder.zext(_load(builder, arguments[0], ir.IntType(8)), ir.IntType(64))

    return types.int64(types.intp), build


@intrinsic
def _eight(context, at):  # noqa: ARG001
    """Return the 8 bytes from an address on as a uint64, the first one lowest."""

    def build(context, builder, signature, arguments):  # noqa: ARG001
        return _load(builder, arguments[0], ir.IntType(64))

    return types.uint64(types.intp), build


def _which(comparison, value):
    """Return a function of an address: which of the 64 bytes from there on compare so, as the bits of a uint64."""

    @intrinsic
    def which(context, at):  # noqa: ARG001
        def build(context, builder, signature, arguments):  # noqa: ARG001
            kind = ir.VectorType(ir.IntType(8), 64)
            held, limit = _load(builder, arguments[0], kind), ir.Constant(kind, [value] * 64)
            return builder.bitcast(builder.icmp_unsigned(comparison, held, limit), ir.IntType(64))

        return types.uint64(types.intp), build

    return which


def _storing(number):
    """Return a function of an address and a number that puts the number there."""

    @intrinsic
    def store(context, at, value):  # noqa: ARG001
        def build(context, builder, signature, arguments):  # noqa: ARG001
            kind = context.get_value_type(number)
            builder.store(arguments[1], builder.inttoptr(arguments[0], kind.as_pointer()), align=8)
            return context.get_dummy_value()

        return types.void(types.intp, number), build

    return store


_store_float, _store_whole = _storing(types.float64), _storing(types.int64)


def _load(builder, address, kind):
    """Build a load of any kind from an address of any alignment."""
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


@intrinsic
def _trailing_zeros(context, x):  # noqa: ARG001
    """Return how many lower bits of a uint64 are zero; 64 if all are."""

    def build(context, builder, signature, arguments):  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def _product(context, a, b):  # noqa: ARG001
    """Return the upper and the lower 64 bits of a product of two uint64."""

    def build(context, builder, signature, arguments):
        wide, narrow = ir.IntType(128), ir.IntType(64)
        product = builder.mul(*(builder.zext(x, wide) for x in arguments))
        upper = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), narrow)
        return context.make_tuple(builder, signature.return_type, (upper, builder.trunc(product, narrow)))

    return types.UniTuple(types.uint64, 2)(types.uint64, types.uint64), build


_blanks = _which("<=", _BLANK)
_line_ends = _which("==", _NEWLINE)
_capitals_i = _which("==", ord("I"))


@intrinsic
def _bits(context, x):  # noqa: ARG001
    """Return how many bits of a uint64 are set."""

    def build(context, builder, signature, arguments):  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


@intrinsic
def _leading_zeros(context, x):  # noqa: ARG001
    """Return how many upper bits of a uint64 are zero."""

    def build(context, builder, signature, arguments):  # noqa: ARG001
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), build


@intrinsic
def _float_of(context, bits):  # noqa: ARG001
    """Return the float64 that has the bits of a uint64."""

    def build(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.float64(types.uint64), build


@njit(cache=True, error_model="numpy")
def _rounded(w, q):
    """Return whether w 10^q could be rounded here, and the nearest float64; w is a uint64 above 0.

    w and the power of five are shifted up to their full words; the upper word of their product then holds the 53 bits of
    the mantissa and, unless all bits below them are ones, the bits that say which way to round.
    """
    if q < _LEAST_POWER or q > _LARGEST_POWER:
        return False, 0.0
    zeros = _leading_zeros(w)
    w = w << zeros
    upper, lower = _product(w, _FIVES[q - _LEAST_POWER, 0])
    if upper & np.uint64(0x1FF) == np.uint64(0x1FF):
        more, _ = _product(w, _FIVES[q - _LEAST_POWER, 1])
        lower += more
        if lower < more:
            upper += np.uint64(1)
    if lower == np.uint64(0xFFFFFFFFFFFFFFFF) and (q < -27 or q > 55):
        return False, 0.0
    top = upper >> np.uint64(63)
    shift = top + np.uint64(9)
    mantissa = upper >> shift
    exponent = ((217706 * q) >> 16) + 63 + np.int64(top) - np.int64(zeros) + 1023
    if exponent <= 0:  # subnormal: rare, and rounded elsewhere
        return False, 0.0
    halfway = lower <= np.uint64(1) and -4 <= q <= 23 and mantissa & np.uint64(3) == np.uint64(1)
    if halfway and mantissa << shift == upper:
        mantissa &= np.uint64(0xFFFFFFFFFFFFFFFE)  # to even
    mantissa = (mantissa + (mantissa & np.uint64(1))) >> np.uint64(1)
    if mantissa >= np.uint64(1 << 53):
        mantissa = np.uint64(1 << 52)
        exponent += 1
    if exponent >= 2047:
        return False, 0.0
    bits = (mantissa & np.uint64((1 << 52) - 1)) | np.uint64(exponent) << np.uint64(52)
    return True, _float_of(bits)


@njit(cache=True, error_model="numpy")
def _many_digits(first, last):
    """Return the first 19 significant digits between two places, how many more there are before a point, and whether any is left out."""
    w, taken, dropped, after_point = np.uint64(0), 0, 0, False
    exact = True
    for k in range(first, last):
        if _byte(k) == _POINT:
            after_point = True
            continue
        digit = np.uint64(_byte(k) - _ZERO)
        if taken < _MOST_DIGITS:
            w = w * np.uint64(10) + digit
            taken += w > np.uint64(0)
            dropped -= after_point
        else:
            exact = exact and digit == np.uint64(0)
            dropped += not after_point
    return w, dropped, exact


@njit(cache=True, error_model="numpy")
def _decimal(at):
    """Return whether a decimal begins here that could be rounded, and its value."""
    negative = _byte(at) == _MINUS
    if negative or _byte(at) == _PLUS:
        at += 1
    first = at
    w = np.uint64(0)
    digit = np.uint64(_byte(at) - _ZERO)
    while digit < np.uint64(10):
        w = w * np.uint64(10) + digit
        at += 1
        digit = np.uint64(_byte(at) - _ZERO)
    digits, q = at - first, 0
    if _byte(at) == _POINT:
        at += 1
        point = at
        digit = np.uint64(_byte(at) - _ZERO)
        while digit < np.uint64(10):
            w = w * np.uint64(10) + digit
            at += 1
            digit = np.uint64(_byte(at) - _ZERO)
        q = point - at
        digits -= q
    if digits == 0:
        return False, 0.0
    exact = True
    if digits > _MOST_DIGITS:
        w, q, exact = _many_digits(first, at)
    if _byte(at) | _BLANK == _E:
        at += 1
        down = _byte(at) == _MINUS
        if down or _byte(at) == _PLUS:
            at += 1
        first, power = at, 0
        while _ZERO <= _byte(at) < _ZERO + 10:
            power = min(10 * power + (_byte(at) - _ZERO), 100_000)
            at += 1
        if at == first:
            return False, 0.0
        q += -power if down else power
    if _byte(at) > _BLANK:
        return False, 0.0
    known = True
    if w == np.uint64(0):
        value = 0.0
    elif exact and w <= np.uint64(1 << 53) and -_EXACT_POWER <= q <= _EXACT_POWER:
        value = np.float64(w) / _TENS[-q] if q < 0 else np.float64(w) * _TENS[q]
    else:
        known, value = _rounded(w, q)
        if known and not exact:  # digits were left out: it lies between w and w + 1
            known, above = _rounded(w + np.uint64(1), q)
            known = known and above == value
    return known, -value if negative else value


@njit(cache=True, error_model="numpy")
def _not_finite(at, stop):
    """Return whether nan or inf stands between two places, in capitals or not, and its value."""
    negative = _byte(at) == _MINUS
    at += negative
    a, b, c = _byte(at) | _BLANK, _byte(at + 1) | _BLANK, _byte(at + 2) | _BLANK
    if stop - at == 3 and a == _N and b == _A and c == _N:
        return True, np.nan
    if stop - at == 3 and a == _I and b == _N and c == _F:
        return True, -np.inf if negative else np.inf
    return False, 0.0


@njit(cache=True, error_model="numpy")
def _whole(at):
    """Return whether a whole number of at most 18 digits begins here, and its value."""
    negative = _byte(at) == _MINUS
    if negative or _byte(at) == _PLUS:
        at += 1
    first, value = at, 0
    while _ZERO <= _byte(at) < _ZERO + 10:
        value = 10 * value + (_byte(at) - _ZERO)
        at += 1
    known = 0 < at - first <= 18 and _byte(at) <= _BLANK
    return known, -value if negative else value


@njit(cache=True, error_model="numpy")
def _word(at):
    """Return whether the word that begins here is short, and its bytes in one number."""
    first, value = at, 0
    while _byte(at) > _BLANK:
        value = value << 8 | _byte(at)
        at += 1
    return at - first <= WORD_BYTES, value


@njit(cache=True, error_model="numpy", forceinline=True)
def _value(v):
    """Return the number that 8 bytes between 0 and 9 write, the lowest byte first: pairs, then fours, then all."""
    v = (v * np.uint64(10) + (v >> np.uint64(8))) & _EVERY_SECOND
    v = (v * np.uint64(100) + (v >> np.uint64(16))) & _EVERY_FOURTH
    return (v * np.uint64(10_000) + (v >> np.uint64(32))) & _LOWER_HALF


@njit(cache=True, error_model="numpy", forceinline=True)
def _odd(v):
    """Return bits that are set if any of 8 bytes is above 9."""
    return ((v + _TO_THE_TOP_BIT) | v) & _TOP_BITS


@njit(cache=True, error_model="numpy", forceinline=True)
def _signed(value, negative):
    return -value if negative else value


@njit(cache=True, error_model="numpy", forceinline=True)
def _short_decimal(at, stop):
    """Return whether what stands between two places is digits, a point and digits, few of each, and its value.

    All bytes of a part are turned into its number at once. Their first 7 must hold the point, unless the whole is no
    longer than 8.
    """
    negative = _byte(at) == _MINUS
    at += negative
    first = _eight(at)
    off = first ^ _POINTS
    point = _trailing_zeros((off - _ONES) & ~off & _TOP_BITS) >> 3
    after = stop - at - point - 1
    if after < 0:  # no point
        known, number = _short_whole(at, stop)
        return known and number >= 0, _signed(np.float64(number), negative)
    if after > 16 or point > 7 or point + after == 0:
        return False, 0.0
    before = ((first ^ _ZEROS) << np.uint64(56 - 8 * point)) << np.uint64(8)
    last = (_eight(stop - 8) ^ _ZEROS) & _UPPER_BYTES[min(after, 8)]
    if point + after <= 8 and after < 8:  # all digits fit into one word
        last |= before >> np.uint64(8 * after)
        return _odd(last) == np.uint64(0), _signed(np.float64(_value(last)) / _TENS[after], negative)
    odd = _odd(before) | _odd(last)
    w = _value(before) * _WHOLE_TENS[after] + _value(last)
    if after > 8:
        middle = (_eight(stop - 16) ^ _ZEROS) & _UPPER_BYTES[after - 8]
        odd |= _odd(middle)
        w += _value(middle) * np.uint64(100_000_000)
    if odd != np.uint64(0) or point + after > _MOST_DIGITS:
        return False, 0.0
    if w <= np.uint64(1 << 53):
        value = np.float64(w) / _TENS[after]
    else:
        known, value = _rounded(w, -after)
        if not known:
            return False, 0.0
    return True, _signed(value, negative)


@njit(cache=True, error_model="numpy", forceinline=True)
def _short_whole(at, stop):
    """Return whether at most 8 digits, perhaps after a minus, stand between two places, and their value."""
    negative = _byte(at) == _MINUS
    digits = stop - at - negative
    if digits == 1:
        number = _byte(stop - 1) - _ZERO
        return np.uint64(number) < np.uint64(10), -number if negative else number
    if digits < 1 or digits > 8:
        return False, 0
    v = (_eight(stop - 8) ^ _ZEROS) & _UPPER_BYTES[digits]
    number = np.int64(_value(v))
    return _odd(v) == np.uint64(0), -number if negative else number


@njit(cache=True, error_model="numpy", forceinline=True)
def _decimal_word(at, stop):
    """Return the at most 8 digits of a decimal as the bytes of a word, and what to divide them by, with the sign.

    The digits before the point are taken from the bytes as they stand, those behind it from the bytes one further. What
    does not fit gives a word that is `_odd`.
    """
    negative = _byte(at) == _MINUS
    at += negative
    first = _eight(at)
    points = ((first ^ _POINTS) - _ONES) & ~(first ^ _POINTS) & _TOP_BITS
    after = stop - at - 1 - (_trailing_zeros(points) >> 3)
    if points == np.uint64(0) or after < 0:  # no point
        return _leading_digits(first, stop - at), -1.0 if negative else 1.0
    before = ((points & (~points + np.uint64(1))) >> np.uint64(7)) - np.uint64(1)
    word = (first & before) | (_eight(at + 1) & ~before)
    after = min(after, 8)
    return _leading_digits(word, stop - at - 1), -_TENS[after] if negative else _TENS[after]


@njit(cache=True, error_model="numpy", forceinline=True)
def _whole_word(at, stop):
    """Return the at most 8 digits of a whole number as the bytes of a word, and -1 if it is negative, else 0."""
    negative = _byte(at) == _MINUS
    at += negative
    return _leading_digits(_eight(at), stop - at), -np.int64(negative)


@njit(cache=True, error_model="numpy", forceinline=True)
def _leading_digits(word, n):
    """Return the first n bytes of a word as its last ones, as numbers, with zeros before them."""
    if n < 1 or n > 8:
        return _DOES_NOT_FIT
    return (word ^ _ZEROS) << np.uint64(64 - 8 * n)


@njit(cache=True, error_model="numpy")
def _convert(kind, at, target):
    """Put the value of any field where it belongs; return whether it could be understood."""
    stop = at
    while _byte(stop) > _BLANK:
        stop += 1
    if kind == FLOAT:
        known, value = _short_decimal(at, stop)
        if not known:
            known, value = _decimal(at)
        if not known:
            known, value = _not_finite(at, stop)
        _store_float(target, value)
        return known
    if kind == WHOLE:
        known, number = _short_whole(at, stop)
        if not known:
            known, number = _whole(at)
    else:
        known, number = _word(at)
    _store_whole(target, number)
    return known


@njit(cache=True, error_model="numpy")
def _decimals(words, tens, first, n, target, stride):
    """Turn the words of a column into decimals, several at once, and put them where they belong; return odd bits."""
    odd = np.uint64(0)
    for k in range(n):
        odd |= _odd(words[k])
        tens[k] = np.float64(np.int32(_value(words[k]))) / tens[k]
    for k in range(first, n):
        _store_float(target + k * stride, tens[k])
    return odd


@njit(cache=True, error_model="numpy")
def _wholes(words, signs, first, n, target, stride):
    """Turn the words of a column into whole numbers, likewise."""
    odd = np.uint64(0)
    for k in range(n):
        odd |= _odd(words[k])
        signs[k] = (np.int64(_value(words[k])) ^ signs[k]) - signs[k]
    for k in range(first, n):
        _store_whole(target + k * stride, signs[k])
    return odd


@njit(cache=True, error_model="numpy")
def _the_rest(numbers, begins, modes, kinds, targets, strides, row, n, column):
    """Convert one by one what is odd in some rows; return the first field that cannot be: its row, column and address."""
    rest = np.zeros(len(kinds), np.int64)
    for k in range(n):
        at = begins[k]
        for c in range(column, len(kinds)):
            while _byte(at) <= _BLANK:
                at += 1
            if _odd(numbers[c, 0, k]) != np.uint64(0):
                if not _convert(kinds[c], at, targets[c] + (row + k) * strides[c]):
                    return row + k, c, at
                rest[c] += 1
            while _byte(at) > _BLANK:
                at += 1
        column = 0
    for c in range(len(kinds)):
        if 4 * rest[c] > n:  # long numbers: not to be tried as words again
            modes[c] = _ONE_BY_ONE
    return -1, 0, 0


@njit(cache=True, error_model="numpy")
def parse_rows(text, end, at, row, n_rows, column, kinds, targets, strides):
    """Read rows of fields into tables, from any field on.

    Where fields end is found for 64 bytes at once. Numbers of at most 8 digits, which are most, are kept as words for
    some rows and then turned into numbers column by column; all others one by one.

    Parameters
    ----------
    text : (m,) uint8
        With at least 16 bytes before `at`; a line end at `end` and at least `MARGIN` bytes from there on.
    end : int
        Where the rows end.
    at, row, n_rows, column : int
        The next field: its place in the text, its row, of so many, and its column.
    kinds, targets, strides : (columns,) int
        Of each column: its kind, the address of its first number and how far it is from one to the next, in bytes.

    Returns
    -------
    reason, row, column, at : int
        Why it came back, and the field at which it did.
    """
    n_columns = len(kinds)
    numbers = np.zeros((n_columns, 2, ROWS), np.uint64)  # words, and what they are divided by or their signs
    tens, signs = numbers.view(np.float64), numbers.view(np.int64)
    modes = np.where(kinds == WORD, _ONE_BY_ONE, kinds)
    begins = np.zeros(ROWS, np.int64)
    # places are addresses from here on: references to arrays are counted, and places in them looked over, at a cost
    begin, cells = np.int64(text.ctypes.data), np.int64(numbers.ctypes.data)
    first_mode = np.int64(modes.ctypes.data)
    last_mode = first_mode + 8 * n_columns
    at, end = at + begin, end + begin
    reason, stop = DONE, at
    while row < n_rows and reason == DONE:
        k, n, mode = 0, min(ROWS, n_rows - row), first_mode + 8 * column
        while k < n and reason == DONE:
            begins[k] = at
            base, blanks, ends = at, _blanks(at), _line_ends(at)
            if mode == last_mode:  # only the blank behind the last field is left
                blanks &= blanks - np.uint64(1)
            cell = cells + 8 * k + 2 * ROWS * (mode - first_mode)
            while mode < last_mode:
                if blanks == np.uint64(0):
                    base += 64
                    blanks = _blanks(base)
                    continue
                stop = base + _trailing_zeros(blanks)
                if stop == at:  # a blank after a blank
                    if _byte(at) == _NEWLINE:
                        while _byte(begins[k]) <= _BLANK and begins[k] < at:
                            begins[k] += 1
                        reason = ENDED if begins[k] >= end else SHORT
                        at = begins[k]
                        while _byte(at) != _NEWLINE:
                            at += 1
                        break
                    blanks &= blanks - np.uint64(1)
                    at += 1
                    continue
                blanks &= blanks - np.uint64(1)
                kind = _eight(mode)
                if kind == np.uint64(WHOLE):
                    word, sign = _whole_word(at, stop)
                    _store_whole(cell, np.int64(word))
                    _store_whole(cell + 8 * ROWS, sign)
                elif kind == np.uint64(FLOAT):
                    word, ten = _decimal_word(at, stop)
                    _store_whole(cell, np.int64(word))
                    _store_float(cell + 8 * ROWS, ten)
                else:
                    c = (mode - first_mode) >> 3
                    known = _convert(kinds[c], at, targets[c] + (row + k) * strides[c])
                    _store_whole(cell, 0 if known else -1)
                mode += 8
                cell += 16 * ROWS
                at = stop + 1
            if reason == DONE:
                line_end = begins[k]
                while ends == np.uint64(0):
                    line_end += 64
                    ends = _line_ends(line_end)
                line_end += _trailing_zeros(ends)
                if line_end < stop:
                    reason, at = SHORT, line_end
                while stop < line_end and reason == DONE:
                    stop += 1
                    if _byte(stop) > _BLANK:
                        reason, at = LONG, stop
            if reason == DONE:
                at = stop + 1
                k += 1
                mode = first_mode
        odd = np.uint64(0)
        for c in range(n_columns):
            target, first = targets[c] + row * strides[c], 1 if c < column else 0
            if modes[c] == FLOAT:
                odd |= _decimals(numbers[c, 0], tens[c, 1], first, k, target, strides[c])
            elif modes[c] == WHOLE:
                odd |= _wholes(numbers[c, 0], signs[c, 1], first, k, target, strides[c])
            else:
                for j in range(first, k):
                    odd |= _odd(numbers[c, 0, j])
        if odd != np.uint64(0):
            bad_row, bad_column, place = _the_rest(
                numbers, begins, modes, kinds, targets, strides, row, k, column
            )
            if bad_row >= 0:
                return LOOK, bad_row, bad_column, place - begin
        row += k
        column = 0
    return reason, row, (mode - first_mode) >> 3 if reason != DONE else 0, min(at, end) - begin


@njit(cache=True, error_model="numpy")
def next_mark(text, at, end, line):
    """Look for a line that begins with ``ITEM: TIMESTEP``.

    Parameters
    ----------
    text : (m,) uint8
        With at least `MARGIN` bytes from `end` on.
    at, end : int
        Where to look for the beginning of the line.
    line : int
        Number of the line at `at`.

    Returns
    -------
    found : bool
    at, line : int
        Where it is or, if there is none, the end; and the number of the line there.
    """
    begin = np.int64(text.ctypes.data)
    place, stop = at + begin, end + begin
    while place < stop:
        inside = ~np.uint64(0) >> np.uint64(64 - min(64, stop - place))
        starts, ends = _capitals_i(place) & inside, _line_ends(place) & inside
        while starts != np.uint64(0):
            k = _trailing_zeros(starts)
            if (
                _eight(place + k) == _MARK
                and _eight(place + k + 6) == _MARK_END
                and (place + k == begin or _byte(place + k - 1) == _NEWLINE)
            ):
                before = (np.uint64(1) << np.uint64(k)) - np.uint64(1)
                return True, place + k - begin, line + _bits(ends & before)
            starts &= starts - np.uint64(1)
        line += _bits(ends)
        place += 64
    return False, end, line


@njit(cache=True, error_model="numpy")
def first_repeated(ids):
    """Return the first row whose id stands in a row before it, or -1."""
    low, high = ids[0], ids[0]
    for k in ids:
        low, high = min(low, k), max(high, k)
    if not 0 <= high - low <= 16 * len(ids) + 1024:  # below 0 if the difference does not fit
        order = np.argsort(ids, kind="mergesort")
        found = len(ids)
        for k in range(1, len(ids)):
            if ids[order[k]] == ids[order[k - 1]]:
                found = min(found, order[k])
        return found if found < len(ids) else -1
    seen = np.zeros(high - low + 1, np.bool_)
    for row in range(len(ids)):
        if seen[ids[row] - low]:
            return row
        seen[ids[row] - low] = True
    return -1
