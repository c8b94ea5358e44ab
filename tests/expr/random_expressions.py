"""Random expressions for the tests, and tables of points to compare their values on."""

import numpy as np
from hypothesis import strategies as st

from jaxsym.expr import OPERATORS, Expression, apply, constant, literal, variable
from jaxsym.expr.tokens import literal_value

NAMES = ("x", "y", "z")

_MODERATE = st.floats(0.05, 20.0) | st.floats(-20.0, -0.05)
_LITERALS = st.sampled_from(["0", "1", "-1", "2", "3", "-2", "7", "pi", "e"])


def expressions(constants: st.SearchStrategy[float] = _MODERATE) -> st.SearchStrategy[Expression]:
    """Expressions over all operators, with up to about ten of them."""
    leaves = st.one_of(
        st.sampled_from(NAMES).map(variable), constants.map(constant), _LITERALS.map(literal)
    )

    def grow(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        return st.sampled_from(list(OPERATORS.values())).flatmap(
            lambda operator: st.tuples(*[children] * operator.arity).map(
                lambda args: apply(operator.name, *args)
            )
        )

    return st.recursive(leaves, grow, max_leaves=8)


def has_values(expression: Expression, points: np.ndarray) -> np.ndarray:
    """Whether every part of the expression is finite, and of moderate size, at each point."""

    def apply(operator, args):
        value = operator.numpy(*(value for value, _ in args))
        fine = np.logical_and.reduce([fine for _, fine in args])
        return value, fine & np.isfinite(value) & (np.abs(value) < 1e100)

    fine = np.ones(len(points), bool)
    with np.errstate(all="ignore"):
        return expression.fold(
            variable=lambda name: (points[:, NAMES.index(name)], fine),
            constant=lambda slot: (np.float64(expression.constants[slot]), fine),
            literal=lambda token: (np.float64(literal_value(token)), fine),
            apply=apply,
        )[1]
