"""The one operator table, from which tokens, evaluators, printers and searches are generated.

A value is IEEE arithmetic's, as in numpy: ``log(0) = -inf``, ``1/0 = inf``, ``sqrt(-1) = nan``.
A derivative is guarded: where a partial derivative is not finite (at the edges of a domain such as
``sqrt`` and ``log`` at 0, mostly outside of it, at an overflow) it counts as 0. So gradients are
always finite, and a branch that ``jnp.where`` masks out cannot poison them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import sympy

# Binding strengths of Python's expression grammar, loosest first.
ANY, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)

# What an operator does to its arguments: add them, multiply them, raise them to a power, look at
# their sign, choose among them, or map them by a function that is not algebraic.
Role: TypeAlias = Literal["sum", "product", "power", "sign", "choice", "transcendental", ""]


class Form(NamedTuple):
    """How an operator prints: a template, its strength, and the least strength of each argument."""

    template: str
    strength: int
    arguments: tuple[int, ...]


def guarded(
    function: Callable[..., Any], slope_by_value: Callable[[Any], Any] | None = None
) -> Callable[..., Any]:
    """``function`` with derivatives of every order that are finite everywhere.

    Args:
      function: elementwise function of arrays, differentiable by JAX inside its domain.
      slope_by_value: for a function of one argument, its derivative as a function of its value,
        where that is the faster way.

    Returns:
      the same values; a partial derivative that is not finite is 0.

    >>> root = guarded(jnp.sqrt)
    >>> [float(jax.grad(root)(x)) for x in (-1.0, 0.0, 4.0)]
    [0.0, 0.0, 0.25]
    """

    by_value = slope_by_value and guarded(slope_by_value)

    @jax.custom_jvp
    def value(*args: jax.Array) -> jax.Array:
        return function(*args)

    def rule(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
        out = value(*primals)
        tangent = jnp.zeros_like(out)
        for index, direction in enumerate(tangents):
            if not isinstance(direction, jax.custom_derivatives.SymbolicZero):
                slope = by_value(out) if by_value else _partial(function, index)(*primals)
                tangent = tangent + jnp.where(jnp.isfinite(slope), slope, 0) * direction
        return out, tangent

    value.defjvp(rule, symbolic_zeros=True)
    return functools.update_wrapper(value, function)


@functools.cache
def _partial(function: Callable[..., Any], index: int) -> Callable[..., Any]:
    """The guarded derivative of ``function`` with respect to its argument ``index``."""

    def slope(*args: jax.Array) -> jax.Array:
        def along(value: jax.Array) -> jax.Array:
            return function(*args[:index], value, *args[index + 1 :])

        result = jax.jvp(along, (args[index],), (jnp.ones_like(args[index]),))[1]
        # a slope that ignores a mapped argument would not be mapped as its own derivatives are,
        # which JAX does not expect; XLA drops the choice
        return functools.reduce(lambda a, b: jnp.where(True, a, b), args, result)

    return guarded(slope)


def _everywhere(*args: Any) -> Any:
    return functools.reduce(lambda a, b: a & b, [x == x for x in args])


@dataclass(frozen=True)
class Operator:
    """One row of the table. Users extend it by ``dict(OPERATORS) | {"erf": Operator("erf", ...)}``.

    Attributes:
      name: the token, and the function's name in text.
      arity: number of arguments.
      jnp: elementwise function of arrays, guarded (`guarded`) on construction.
      sympy: the same function of sympy expressions.
      numpy: the same function of numpy arrays; without it ``jnp`` runs in float64 instead.
      cost: what it adds to ``Expression.complexity``.
      weight: relative frequency when expressions are sampled.
      domain: whether each point, an array per argument, has a finite value.
      symmetric: whether the arguments may be exchanged.
      guard: whether ``jnp`` needs guarding; not if its derivatives are finite even where its
        arguments are not, or if it is a ``jax.custom_jvp`` that sees to that.
      form: how it prints; ``name(a, b)`` when None.
      role: what it does to its arguments.
      parity: of a function of one argument: ``f(-x) = -f(x)`` is odd, ``f(-x) = f(x)`` even.
      exponent: of an operator that is a power of its one argument.
      inverses: for each argument, the numpy function that gives it back from the result and the
        other arguments, in their order; NaN, as a rule, where no argument gives the result. Of
        several arguments it gives the principal one. Empty if there is no such function.
      nearest: for a function of one argument that several arguments bring to the same value, the
        one nearest to a guess, of the value and the guess; ``inverses`` has one alone when None.
      slopes: the partial derivatives as numpy functions of all arguments; when empty they are
        those of ``jnp``.

    Searches use ``inverses`` to ask what a part of a formula would have to be, templates to solve
    for an unknown part; canonical forms use ``parity`` and ``exponent``.

    >>> erf = Operator("erf", 1, jax.scipy.special.erf, sympy.erf)
    >>> float(erf.jnp(0.0)), OPERATORS["log"].cost
    (0.0, 2)
    """

    name: str
    arity: int
    jnp: Callable[..., Any]
    sympy: Callable[..., Any]
    numpy: Callable[..., Any] | None = None
    cost: int = 2
    weight: float = 1.0
    domain: Callable[..., Any] = _everywhere
    symmetric: bool = False
    guard: bool = True
    form: Form | None = None
    role: Role = ""
    parity: Literal["odd", "even"] | None = None
    exponent: Fraction | None = None
    inverses: tuple[Callable[..., Any], ...] = ()
    nearest: Callable[[Any, Any], Any] | None = None
    slopes: tuple[Callable[..., Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.arity < 1:
            raise ValueError(
                f"operator {self.name!r} of arity {self.arity}: "
                "expected an identifier as name and at least one argument"
            )
        for column in ("inverses", "slopes"):
            count = len(getattr(self, column))
            if count not in (0, self.arity):
                raise ValueError(
                    f"operator {self.name!r} has {count} {column}; "
                    f"expected none, or one for each of its {self.arity} arguments"
                )
        unary = self.parity is None and self.exponent is None and self.nearest is None
        if not unary and self.arity > 1:
            raise ValueError(
                f"operator {self.name!r} of arity {self.arity} has a parity, an exponent or a "
                "nearest argument; expected these of functions of one argument alone"
            )
        if self.guard:
            object.__setattr__(self, "jnp", guarded(self.jnp))

    def solve(self, place: int, value: Any, others: Sequence[Any] = (), guess: Any = None) -> Any:
        """The argument at a place that gives the operator a value, in numpy.

        Args:
          place: which argument, from 0; the operator has ``inverses``.
          value: of the operator.
          others: the other arguments, in order.
          guess: of several such arguments the one nearest to it; the principal one when None.

        >>> OPERATORS["sub"].solve(1, 5.0, [7.0]), OPERATORS["square"].solve(0, 4.0).item()
        (2.0, 2.0)
        """
        if guess is not None and self.nearest is not None:
            return self.nearest(value, guess)
        return self.inverses[place](value, *others)

    def slope(self, place: int, *arguments: Any) -> Any:
        """The partial derivative by the argument at a place, in numpy.

        >>> float(OPERATORS["cube"].slope(0, 2.0)), OPERATORS["mul"].slope(1, 5.0, 3.0)
        (12.0, 5.0)
        """
        if self.slopes:
            return self.slopes[place](*arguments)
        with jax.enable_x64(True):
            points = jnp.broadcast_arrays(*(jnp.asarray(x, jnp.float64) for x in arguments))
            return np.asarray(_partial(self.jnp, place)(*points))


def _integer_power(exponent: int) -> Callable[[Any], Any]:
    return functools.partial(jax.lax.integer_pow, y=exponent)


def _real_power(x: Any, y: Any) -> Any:
    """Where ``x**y`` is a finite real number."""
    return (x > 0) | ((x == 0) & (y >= 0)) | ((x < 0) & (y % 1 == 0))


# Nodes of a comparison with conditionals inside. Sympy brings them into a normal form of logic,
# which takes several times as long with each further level.
_MOST_COMPARED = 50


_MOST_EXTREMA = 16  # arguments of one minimum or maximum: sympy compares each with each


def _extremum(head: Callable[..., sympy.Expr]) -> Callable[[Any, Any], sympy.Expr]:
    """Sympy's minimum or maximum."""

    def of(x: Any, y: Any) -> sympy.Expr:
        whole = [part for side in (x, y) for part in (side.args if side.func is head else [side])]
        if len(whole) > _MOST_EXTREMA:
            raise ValueError(f"{head.__name__} has more than {_MOST_EXTREMA} arguments")
        return head(x, y)

    return of


def _conditional(x: Any, y: Any, a: Any, b: Any) -> sympy.Expr:
    sides = sympy.Tuple(x, y)
    if sides.has(sympy.Piecewise):
        nodes = sum(1 for _ in sympy.preorder_traversal(sides))
        if nodes > _MOST_COMPARED:
            raise ValueError("conditionals are nested too deeply inside of comparisons")
    return sympy.Piecewise((a, x > y), (b, True))


def _where(test: Callable[[Any], Any], function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function that is NaN where a test fails."""
    return lambda x: np.where(test(x), function(x), np.nan)


def _repeated(
    principal: Callable[[Any], Any], other: Callable[[Any], Any], period: float
) -> Callable[[Any, Any], Any]:
    """Of two solutions and their repetitions the nearest to a guess."""

    def nearest(value: Any, guess: Any) -> Any:
        solutions = [principal(value), other(value)]
        shifted = [s + period * np.round((guess - s) / period) for s in solutions]
        nearer = np.abs(shifted[0] - guess) <= np.abs(shifted[1] - guess)
        return np.where(nearer, *shifted)

    return nearest


# XLA would make 0.5/sqrt(x) of x itself an rsqrt, which is twice as slow on a CPU.
_square_root = guarded(jnp.sqrt, lambda root: 0.5 / root)
_HALF = sympy.Rational(1, 2)
_TERMS = (SUM, PRODUCT)
_FACTORS = (PRODUCT, UNARY)

_ROWS = (
    Operator("add", 2, jnp.add, lambda x, y: x + y, np.add, 1, 4.0,
             symmetric=True, form=Form("{} + {}", SUM, _TERMS), guard=False, role="sum",
             inverses=(lambda v, y: v - y, lambda v, x: v - x),
             slopes=(lambda x, y: 1.0, lambda x, y: 1.0)),
    Operator("sub", 2, jnp.subtract, lambda x, y: x - y, np.subtract, 1, 2.0,
             form=Form("{} - {}", SUM, _TERMS), guard=False, role="sum",
             inverses=(lambda v, y: v + y, lambda v, x: x - v),
             slopes=(lambda x, y: 1.0, lambda x, y: -1.0)),
    Operator("mul", 2, jnp.multiply, lambda x, y: x * y, np.multiply, 1, 4.0,
             symmetric=True, form=Form("{}*{}", PRODUCT, _FACTORS), role="product",
             inverses=(lambda v, y: v / y, lambda v, x: v / x),
             slopes=(lambda x, y: y, lambda x, y: x)),
    Operator("div", 2, jnp.divide, lambda x, y: x / y, np.divide, 1, 2.0,
             domain=lambda x, y: y != 0, form=Form("{}/{}", PRODUCT, _FACTORS), role="product",
             inverses=(lambda v, y: v * y, lambda v, x: x / v),
             slopes=(lambda x, y: 1 / y, lambda x, y: -x / y**2)),
    Operator("neg", 1, jnp.negative, lambda x: -x, np.negative, 1, 0.5,
             form=Form("-{}", UNARY, (POWER,)), guard=False, role="sign", parity="odd",
             inverses=(np.negative,), slopes=(lambda x: -np.ones_like(x),)),
    Operator("inv", 1, _integer_power(-1), lambda x: 1 / x, np.reciprocal, 1, 1.0,
             domain=lambda x: x != 0, form=Form("1/{}", PRODUCT, (UNARY,)),
             role="power", parity="odd", exponent=Fraction(-1),
             inverses=(lambda v: 1 / v,), slopes=(lambda x: -1 / x**2,)),
    Operator("pow", 2, jnp.power, lambda x, y: x**y, np.power, 2, 1.0,
             domain=_real_power, form=Form("{}**{}", POWER, (ATOM, UNARY)), role="power",
             inverses=(lambda v, y: v ** (1 / y), lambda v, x: np.log(v) / np.log(x)),
             slopes=(lambda x, y: y * x**y / x, lambda x, y: x**y * np.log(x))),
    Operator("square", 1, _integer_power(2), lambda x: x**2, np.square, 1, 2.0,
             form=Form("{}**2", POWER, (ATOM,)),
             role="power", parity="even", exponent=Fraction(2),
             inverses=(np.sqrt,), slopes=(lambda x: 2 * x,),
             nearest=lambda v, g: np.where(g < 0, -np.sqrt(v), np.sqrt(v))),
    Operator("cube", 1, _integer_power(3), lambda x: x**3, lambda x: x * x * x, 1, 1.0,
             form=Form("{}**3", POWER, (ATOM,)),
             role="power", parity="odd", exponent=Fraction(3),
             inverses=(np.cbrt,), slopes=(lambda x: 3 * x**2,)),
    Operator("sqrt", 1, _square_root, lambda x: x**_HALF, np.sqrt, 1, 2.0,
             domain=lambda x: x >= 0, guard=False, role="power", exponent=Fraction(1, 2),
             inverses=(_where(lambda v: v >= 0, np.square),), slopes=(lambda x: 0.5 / np.sqrt(x),)),
    Operator("abs", 1, jnp.abs, sympy.Abs, np.abs, 1, 1.0, role="sign", parity="even",
             inverses=(_where(lambda v: v >= 0, lambda v: v),),
             slopes=(lambda x: np.where(x < 0, -1.0, 1.0),)),
    Operator("exp", 1, jnp.exp, sympy.exp, np.exp, 2, 2.0, role="transcendental",
             inverses=(np.log,), slopes=(np.exp,)),
    Operator("log", 1, jnp.log, sympy.log, np.log, 2, 2.0, domain=lambda x: x > 0,
             role="transcendental", inverses=(np.exp,), slopes=(lambda x: 1 / x,)),
    Operator("sin", 1, jnp.sin, sympy.sin, np.sin, 2, 2.0, role="transcendental", parity="odd",
             inverses=(np.arcsin,), slopes=(np.cos,),
             nearest=_repeated(np.arcsin, lambda v: np.pi - np.arcsin(v), 2 * np.pi)),
    Operator("cos", 1, jnp.cos, sympy.cos, np.cos, 2, 2.0, role="transcendental", parity="even",
             inverses=(np.arccos,), slopes=(lambda x: -np.sin(x),),
             nearest=_repeated(np.arccos, lambda v: -np.arccos(v), 2 * np.pi)),
    Operator("tan", 1, jnp.tan, sympy.tan, np.tan, 2, 1.0, role="transcendental", parity="odd",
             inverses=(np.arctan,), slopes=(lambda x: 1 / np.cos(x) ** 2,),
             nearest=_repeated(np.arctan, np.arctan, np.pi)),
    Operator("asin", 1, jnp.asin, sympy.asin, np.asin, 3, 0.5, domain=lambda x: abs(x) <= 1,
             role="transcendental", parity="odd",
             inverses=(np.sin,), slopes=(lambda x: 1 / np.sqrt(1 - x**2),)),
    Operator("acos", 1, jnp.acos, sympy.acos, np.acos, 3, 0.5, domain=lambda x: abs(x) <= 1,
             role="transcendental",
             inverses=(np.cos,), slopes=(lambda x: -1 / np.sqrt(1 - x**2),)),
    Operator("atan", 1, jnp.atan, sympy.atan, np.atan, 3, 0.5,
             role="transcendental", parity="odd",
             inverses=(np.tan,), slopes=(lambda x: 1 / (1 + x**2),)),
    Operator("sinh", 1, jnp.sinh, sympy.sinh, np.sinh, 3, 0.5,
             role="transcendental", parity="odd", inverses=(np.arcsinh,), slopes=(np.cosh,)),
    Operator("cosh", 1, jnp.cosh, sympy.cosh, np.cosh, 3, 0.5,
             role="transcendental", parity="even", inverses=(np.arccosh,), slopes=(np.sinh,),
             nearest=lambda v, g: np.arccosh(v) * np.where(g < 0, -1, 1)),
    Operator("tanh", 1, jnp.tanh, sympy.tanh, np.tanh, 3, 1.0,
             role="transcendental", parity="odd",
             inverses=(np.arctanh,), slopes=(lambda x: 1 - np.tanh(x) ** 2,)),
    Operator("asinh", 1, jnp.asinh, sympy.asinh, np.asinh, 3, 0.5,
             role="transcendental", parity="odd",
             inverses=(np.sinh,), slopes=(lambda x: 1 / np.sqrt(1 + x**2),)),
    Operator("min", 2, jnp.minimum, _extremum(sympy.Min), np.minimum, 2, 0.5, role="choice",
             symmetric=True, form=Form("Min({}, {})", ATOM, (ANY, ANY)), guard=False),
    Operator("max", 2, jnp.maximum, _extremum(sympy.Max), np.maximum, 2, 0.5, role="choice",
             symmetric=True, form=Form("Max({}, {})", ATOM, (ANY, ANY)), guard=False),
    Operator("sign", 1, jnp.sign, sympy.sign, np.sign, 2, 0.5, guard=False,
             role="sign", parity="odd"),
    # Python's `a if x > y else b`; as sympy writes it, sympy's parser can read it too
    Operator("if_greater", 4, lambda x, y, a, b: jnp.where(x > y, a, b), _conditional,
             lambda x, y, a, b: np.where(x > y, a, b), 3, 0.5,
             guard=False, role="choice",
             form=Form("Piecewise(({2}, {0} > {1}), ({3}, True))", ATOM, (SUM, SUM, ANY, ANY))),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {row.name: row for row in _ROWS}


def having(role: Role, parity: str | None = None) -> frozenset[str]:
    """Names of the table's operators of a role, and of a parity if one is given.

    >>> sorted(having("transcendental", "even"))
    ['cos', 'cosh']
    """
    return frozenset(row.name for row in _ROWS if row.role == role and parity in (None, row.parity))
