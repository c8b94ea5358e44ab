"""The one operator table, from which tokens, evaluators, printers and searches are generated.

A value is IEEE arithmetic's, as in numpy: ``log(0) = -inf``, ``1/0 = inf``, ``sqrt(-1) = nan``.
A derivative is guarded: where a partial derivative is not finite (at the edges of a domain such as
``sqrt`` and ``log`` at 0, mostly outside of it, at an overflow) it counts as 0. So gradients are
always finite, and a branch that ``jnp.where`` masks out cannot poison them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import sympy

# Binding strengths of Python's expression grammar, loosest first.
ANY, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)


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

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.arity < 1:
            raise ValueError(
                f"operator {self.name!r} of arity {self.arity}: "
                "expected an identifier as name and at least one argument"
            )
        if self.guard:
            object.__setattr__(self, "jnp", guarded(self.jnp))


def _integer_power(exponent: int) -> Callable[[Any], Any]:
    return functools.partial(jax.lax.integer_pow, y=exponent)


def _real_power(x: Any, y: Any) -> Any:
    """Where ``x**y`` is a finite real number."""
    return (x > 0) | ((x == 0) & (y >= 0)) | ((x < 0) & (y % 1 == 0))


def _conditional(x: Any, y: Any, a: Any, b: Any) -> sympy.Expr:
    return sympy.Piecewise((a, x > y), (b, True))


# XLA would make 0.5/sqrt(x) of x itself an rsqrt, which is twice as slow on a CPU.
_square_root = guarded(jnp.sqrt, lambda root: 0.5 / root)
_HALF = sympy.Rational(1, 2)
_TERMS = (SUM, PRODUCT)
_FACTORS = (PRODUCT, UNARY)

_ROWS = (
    Operator("add", 2, jnp.add, lambda x, y: x + y, np.add, 1, 4.0,
             symmetric=True, form=Form("{} + {}", SUM, _TERMS), guard=False),
    Operator("sub", 2, jnp.subtract, lambda x, y: x - y, np.subtract, 1, 2.0,
             form=Form("{} - {}", SUM, _TERMS), guard=False),
    Operator("mul", 2, jnp.multiply, lambda x, y: x * y, np.multiply, 1, 4.0,
             symmetric=True, form=Form("{}*{}", PRODUCT, _FACTORS)),
    Operator("div", 2, jnp.divide, lambda x, y: x / y, np.divide, 1, 2.0,
             domain=lambda x, y: y != 0, form=Form("{}/{}", PRODUCT, _FACTORS)),
    Operator("neg", 1, jnp.negative, lambda x: -x, np.negative, 1, 0.5,
             form=Form("-{}", UNARY, (POWER,)), guard=False),
    Operator("inv", 1, _integer_power(-1), lambda x: 1 / x, np.reciprocal, 1, 1.0,
             domain=lambda x: x != 0, form=Form("1/{}", PRODUCT, (UNARY,))),
    Operator("pow", 2, jnp.power, lambda x, y: x**y, np.power, 2, 1.0,
             domain=_real_power, form=Form("{}**{}", POWER, (ATOM, UNARY))),
    Operator("square", 1, _integer_power(2), lambda x: x**2, np.square, 1, 2.0,
             form=Form("{}**2", POWER, (ATOM,))),
    Operator("cube", 1, _integer_power(3), lambda x: x**3, lambda x: x * x * x, 1, 1.0,
             form=Form("{}**3", POWER, (ATOM,))),
    Operator("sqrt", 1, _square_root, lambda x: x**_HALF, np.sqrt, 1, 2.0,
             domain=lambda x: x >= 0, guard=False),
    Operator("abs", 1, jnp.abs, sympy.Abs, np.abs, 1, 1.0),
    Operator("exp", 1, jnp.exp, sympy.exp, np.exp, 2, 2.0),
    Operator("log", 1, jnp.log, sympy.log, np.log, 2, 2.0, domain=lambda x: x > 0),
    Operator("sin", 1, jnp.sin, sympy.sin, np.sin, 2, 2.0),
    Operator("cos", 1, jnp.cos, sympy.cos, np.cos, 2, 2.0),
    Operator("tan", 1, jnp.tan, sympy.tan, np.tan, 2, 1.0),
    Operator("asin", 1, jnp.asin, sympy.asin, np.asin, 3, 0.5, domain=lambda x: abs(x) <= 1),
    Operator("acos", 1, jnp.acos, sympy.acos, np.acos, 3, 0.5, domain=lambda x: abs(x) <= 1),
    Operator("atan", 1, jnp.atan, sympy.atan, np.atan, 3, 0.5),
    Operator("sinh", 1, jnp.sinh, sympy.sinh, np.sinh, 3, 0.5),
    Operator("cosh", 1, jnp.cosh, sympy.cosh, np.cosh, 3, 0.5),
    Operator("tanh", 1, jnp.tanh, sympy.tanh, np.tanh, 3, 1.0),
    Operator("asinh", 1, jnp.asinh, sympy.asinh, np.asinh, 3, 0.5),
    Operator("min", 2, jnp.minimum, sympy.Min, np.minimum, 2, 0.5,
             symmetric=True, form=Form("Min({}, {})", ATOM, (ANY, ANY)), guard=False),
    Operator("max", 2, jnp.maximum, sympy.Max, np.maximum, 2, 0.5,
             symmetric=True, form=Form("Max({}, {})", ATOM, (ANY, ANY)), guard=False),
    Operator("sign", 1, jnp.sign, sympy.sign, np.sign, 2, 0.5, guard=False),
    # Python's `a if x > y else b`; as sympy writes it, sympy's parser can read it too
    Operator("if_greater", 4, lambda x, y, a, b: jnp.where(x > y, a, b), _conditional,
             lambda x, y, a, b: np.where(x > y, a, b), 3, 0.5,
             guard=False,
             form=Form("Piecewise(({2}, {0} > {1}), ({3}, True))", ATOM, (SUM, SUM, ANY, ANY))),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {row.name: row for row in _ROWS}
