"""Random expressions for the tests, and tables of points to compare their values on."""

from hypothesis import strategies as st

from jaxsym.expr import OPERATORS, Expression, apply, constant, literal, variable

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
