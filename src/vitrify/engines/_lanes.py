"""Vectors of numbers in compiled code: sixteen particles side by side, whatever the compiler would have made of a loop.

A `Lanes` value holds `WIDTH` numbers of one kind. Arithmetic works lane by lane and takes plain numbers too, so a pair
function that is written for one distance also takes a vector of them. The compiler cuts vectors that the processor does
not have into those that it has; no instruction set is assumed.

Products may be fused with sums, and quotients and roots may be made from estimates and one step of Newton's method. Sums
are never reordered: the bits depend on the arguments alone.
"""

import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16

_FLAGS = ("contract", "nsz")
_ESTIMATES = ("contract", "nsz", "arcp", "afn")


class Lanes(types.Type):
    """Numba type of `WIDTH` numbers of one kind: float32, float64, int32 or boolean."""

    def __init__(self, element):
        self.element = element
        super().__init__(name=f"Lanes({element} x {WIDTH})")


class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        element = (
            ir.IntType(1) if kind.element is types.boolean else manager.lookup(kind.element).get_value_type()
        )
        super().__init__(manager, kind, ir.VectorType(element, WIDTH))


register_model(Lanes)(_Model)


def _is_float(kind):
    return isinstance(kind, Lanes) and isinstance(kind.element, types.Float)


def _pointer(context, builder, array, kind, index):
    """Address of an element of a one-dimensional array, as that of a vector."""
    held = context.make_array(array)(context, builder, kind)
    place = builder.gep(held.data, [index])
    vector = ir.VectorType(context.get_value_type(array.dtype), WIDTH)
    return builder.bitcast(place, vector.as_pointer())


@intrinsic
def load(context, array, index):  # noqa: ARG001
    """Return the `WIDTH` entries of a contiguous vector from `index` on, which must be a multiple of `WIDTH`."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        place = _pointer(context, builder, kind, arguments[0], arguments[1])
        value = builder.load(place)
        value.align = kind.dtype.bitwidth // 8
        return value

    return Lanes(array.dtype)(array, types.intp), generate


@intrinsic
def store(context, array, index, lanes):  # noqa: ARG001
    """Write lanes where `load` would read them."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        place = _pointer(context, builder, kind, arguments[0], arguments[1])
        builder.store(arguments[2], place, align=kind.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


def _splat(builder, value):
    vector = ir.VectorType(value.type, WIDTH)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), mask)


@intrinsic
def splat(context, number, like):  # noqa: ARG001
    """Return a number in all lanes, converted to the kind of `like`."""

    def generate(context, builder, signature, arguments):
        number, like = signature.args
        return _splat(builder, context.cast(builder, arguments[0], number, like.element))

    return like(number, like), generate


@intrinsic
def as_float(context, lanes, like):  # noqa: ARG001
    """Return int32 or float32 lanes as floating point numbers of the kind of `like`, an array or lanes."""
    element = like.dtype if isinstance(like, types.Array) else like.element

    def generate(context, builder, signature, arguments):
        kind, goal = signature.args[0].element, signature.return_type.element
        vector = ir.VectorType(context.get_value_type(goal), WIDTH)
        if kind == goal:
            return arguments[0]
        convert = builder.fpext if isinstance(kind, types.Float) else builder.sitofp
        return convert(arguments[0], vector)

    return Lanes(element)(lanes, like), generate


@intrinsic
def as_turns(context, lanes):  # noqa: ARG001
    """Return float64 lanes, without their fractions, modulo 2^32 as int32."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        whole = builder.fptosi(arguments[0], ir.VectorType(ir.IntType(64), WIDTH))
        return builder.trunc(whole, ir.VectorType(ir.IntType(32), WIDTH))

    return Lanes(types.int32)(lanes), generate


def _lane_by_lane(of_floats, of_integers):
    @intrinsic
    def apply(context, a, b):  # noqa: ARG001
        def generate(context, builder, signature, arguments):  # noqa: ARG001
            if _is_float(signature.args[0]):
                return of_floats(builder, *arguments)
            return of_integers(builder, *arguments)

        return a(a, b), generate

    return apply


_add = _lane_by_lane(lambda b, x, y: b.fadd(x, y, flags=_FLAGS), lambda b, x, y: b.add(x, y))
_sub = _lane_by_lane(lambda b, x, y: b.fsub(x, y, flags=_FLAGS), lambda b, x, y: b.sub(x, y))
_mul = _lane_by_lane(lambda b, x, y: b.fmul(x, y, flags=_FLAGS), lambda b, x, y: b.mul(x, y))
_div = _lane_by_lane(lambda b, x, y: b.fdiv(x, y, flags=_ESTIMATES), lambda b, x, y: b.sdiv(x, y))
_both = _lane_by_lane(None, lambda b, x, y: b.and_(x, y))


@intrinsic
def _below(context, a, b):  # noqa: ARG001
    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return builder.fcmp_ordered("<", *arguments)

    return Lanes(types.boolean)(a, b), generate


def _operator(symbol, apply):
    @overload(symbol, inline="never")
    def between(a, b):
        if isinstance(a, Lanes) and isinstance(b, Lanes):
            return lambda a, b: apply(a, b)  # noqa: PLW0108  # numba needs a function
        if isinstance(a, Lanes) and isinstance(b, types.Number):
            return lambda a, b: apply(a, splat(b, a))
        if isinstance(a, types.Number) and isinstance(b, Lanes):
            return lambda a, b: apply(splat(a, b), b)
        return None


for _symbol, _apply in (
    (operator.add, _add),
    (operator.sub, _sub),
    (operator.mul, _mul),
    (operator.truediv, _div),
    (operator.lt, _below),
    (operator.and_, _both),
):
    _operator(_symbol, _apply)


@intrinsic
def root(context, lanes):  # noqa: ARG001
    """Return the square roots."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        kind = arguments[0].type
        name = f"llvm.sqrt.v{WIDTH}f{signature.args[0].element.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, arguments, fastmath=_ESTIMATES)

    return lanes(lanes), generate


@overload(np.sqrt)
def _square_root(x):
    return (lambda x: root(x)) if isinstance(x, Lanes) else None  # noqa: PLW0108


def _fused(sign):
    @intrinsic
    def apply(context, c, a, b):  # noqa: ARG001
        def generate(context, builder, signature, arguments):  # noqa: ARG001
            c, a, b = arguments
            name = f"llvm.fmuladd.v{WIDTH}f{signature.args[0].element.bitwidth}"
            function = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(c.type, [c.type] * 3), name
            )
            return builder.call(function, (a if sign > 0 else builder.fneg(a), b, c))

        return c(c, a, b), generate

    return apply


add_product = _fused(1)  # c + a b, rounded once where the processor can
subtract_product = _fused(-1)  # c - a b


@intrinsic
def where(context, mask, lanes):  # noqa: ARG001
    """Return the lanes where `mask` holds, and zero elsewhere."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        kind = arguments[1].type
        return builder.select(arguments[0], arguments[1], ir.Constant(kind, [0.0] * WIDTH))

    return lanes(mask, lanes), generate


@intrinsic
def bits(context, mask):  # noqa: ARG001
    """Return a mask as an integer: bit k stands for lane k."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return builder.zext(builder.bitcast(arguments[0], ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(mask), generate


@intrinsic
def members(context, mask):  # noqa: ARG001
    """Return how many bits of an integer are set."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@intrinsic
def total(context, lanes):  # noqa: ARG001
    """Return the sum over the lanes: halves are added to halves, always in the same order."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        value, width = arguments[0], WIDTH
        while width > 1:
            width //= 2
            half = [
                ir.Constant(ir.VectorType(ir.IntType(32), width), list(range(k * width, (k + 1) * width)))
                for k in range(2)
            ]
            low, high = (
                builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), h) for h in half
            )
            value = builder.fadd(low, high, flags=_FLAGS)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return lanes.element(lanes), generate


def _neighbours_added(builder, a, b):
    """Return the sums of lanes 0 and 1, 2 and 3, … of two vectors, one after the other."""
    masks = [
        ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(range(first, 2 * WIDTH, 2)))
        for first in range(2)
    ]
    return builder.fadd(*(builder.shuffle_vector(a, b, mask) for mask in masks), flags=_FLAGS)


@intrinsic
def totals(context, array, index):  # noqa: ARG001
    """Return the sums of `WIDTH` vectors that lie one after the other from `index` on, as lanes."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        sums = []
        for row in range(WIDTH):
            at = builder.add(arguments[1], ir.Constant(arguments[1].type, row * WIDTH))
            sums.append(builder.load(_pointer(context, builder, kind, arguments[0], at)))
            sums[-1].align = kind.dtype.bitwidth // 8
        while len(sums) > 1:
            sums = [_neighbours_added(builder, *sums[k : k + 2]) for k in range(0, len(sums), 2)]
        return sums[0]

    return Lanes(array.dtype)(array, types.intp), generate
