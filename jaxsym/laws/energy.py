"""The potential energy that a pair law comes from."""

from __future__ import annotations

import numpy as np
import sympy

from jaxsym.expr import Expression, UnsupportedError, constant, from_sympy, variable
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.laws.pairs import VARIABLES, arbitrary_inputs
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.laws.simplification import simplify

_SWAPPED = {"m1": "m2", "m2": "m1", "q1": "q2", "q2": "q1"}


def pair_energy(law: ParticleLaw) -> Expression | None:
    """The energy U of a pair whose slope is the law's force, up to a constant.

    The force on 1 by 2 is ``-dU/dx1``, so ``c d`` with ``d = x2 - x1`` has ``dU/dr = c r``.

    Args:
      law: the equations.
    Returns:
      U in ``r m1 m2 q1 q2``; None if the force on 2 by 1 is not the opposite, if pairs have terms
      beside the pull along the line, or if the integral over r is not that of a rational function.

    >>> from jaxsym.expr import parse
    >>> print(pair_energy(ParticleLaw(parse("m1*m2/r**3"), True, 3)))
    -m1*m2/r
    >>> print(pair_energy(ParticleLaw(parse("2.5/r"), True, 3)))  # a constant pull
    2.5*r
    """
    if any(term.kind.between for term in law.further) or law.order == 1:
        return None
    coefficient = law.as_force().coefficient
    if not _symmetric(coefficient):
        return None
    # floats break sympy's factorization: names stand for the constants until it is done
    constants = {f"c{k}": constant(value) for k, value in enumerate(coefficient.constants)}
    for slot in reversed(range(len(constants))):
        coefficient = with_number(coefficient, slot, variable(f"c{slot}"))
    energy = _integral(_positive((coefficient * variable("r")).sympy()), _symbol("r"))
    return None if energy is None else simplify(energy.substitute(constants))


def _integral(slope: sympy.Expr, r: sympy.Symbol) -> Expression | None:
    """The antiderivative of a rational function of r."""
    if not slope.is_rational_function(r):
        return None
    try:
        return from_sympy(sympy.integrate(sympy.apart(slope, r), r))
    except (UnsupportedError, NotImplementedError):
        return None


def _positive(formula: sympy.Expr) -> sympy.Expr:
    """The formula in symbols that stand for positive numbers, whose logarithms are real."""
    return formula.subs({symbol: _symbol(symbol.name) for symbol in formula.free_symbols})


def _symbol(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, positive=True)


def _symmetric(coefficient: Expression) -> bool:
    """Whether the coefficient stays the same when the bodies change places."""
    table = arbitrary_inputs()
    swapped = coefficient.substitute({a: variable(b) for a, b in _SWAPPED.items()})
    here, there = (e.evaluate(table, VARIABLES) for e in (coefficient, swapped))
    return bool(np.allclose(here, there, rtol=1e-9, atol=0.0))
