"""`Expression`: an immutable formula in prefix tokens, with its constants beside it."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import require, unknown_name
from jaxsym.expr.canonical.rules import canonical
from jaxsym.expr.codes import Code, Table, divide, join, negate, raise_to
from jaxsym.expr.jax_bridge import to_jax
from jaxsym.expr.operators import OPERATORS, Operator
from jaxsym.expr.printing import to_latex, to_text
from jaxsym.expr.tokens import (
    CONSTANT,
    check_tokens,
    column_index,
    fold,
    is_literal,
    is_variable,
    literal_value,
    variable_name,
    variable_token,
)

if TYPE_CHECKING:
    from sympy import Expr

__all__ = [
    "CONSTANT",
    "Expression",
    "apply",
    "constant",
    "literal",
    "literal_value",
    "variable",
]


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """A formula: prefix tokens, and a number for every constant slot ``"C"`` among them.

    Literals are exact and stay as they are; constants are the numbers that a fit may change.
    Expressions are equal if their canonical forms are (`canonical`), constants compared exactly.

    Attributes:
      tokens: operators, variables, literals and ``"C"`` in prefix order.
      constants: ``constants[k]`` is the value of the k-th ``"C"``.
      operators: the table that the operators' names refer to.

    Raises:
      ValueError: tokens that are not one prefix expression, or constants that do not match them.

    >>> x = variable("x")
    >>> f = 2 * x**2 + 0.5
    >>> f
    Expression(2*x**2 + 0.5)
    >>> f.tokens, f.constants
    (('add', 'mul', '2', 'square', 'x', 'C'), (0.5,))
    >>> f == 0.5 + x * x * 2
    True
    """

    tokens: tuple[str, ...]
    constants: tuple[float, ...] = ()
    operators: Table = field(default_factory=lambda: OPERATORS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", tuple(self.tokens))
        object.__setattr__(self, "constants", tuple(float(c) for c in self.constants))
        check_tokens(self.tokens, self.constants, self.operators)

    @property
    def _code(self) -> Code:
        return self.tokens, self.constants

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, in order of first appearance.

        >>> (variable("b") + variable("a") * variable("b")).variables
        ('b', 'a')
        """
        found = (variable_name(t) for t in self.tokens if is_variable(t, self.operators))
        return tuple(dict.fromkeys(found))

    @cached_property
    def complexity(self) -> int:
        """The sum of the operators' costs, and 1 for each variable, constant and literal.

        >>> (2 * variable("x") + 1).complexity
        5
        """
        return sum(self.operators[t].cost if t in self.operators else 1 for t in self.tokens)

    def fold(self, **functions: Callable[..., Any]) -> Any:
        """`jaxsym.expr.tokens.fold` over this expression.

        >>> (variable("x") + 1).fold(variable=lambda _: 1, constant=lambda _: 1,
        ...     literal=lambda _: 1, apply=lambda _, depths: 1 + max(depths))
        2
        """
        return fold(self.tokens, self.operators, **functions)

    def rebuilt(self, build: Callable[[Operator, list[Expression]], Expression]) -> Expression:
        """Built again from its leaves.

        Args:
          build: what stands in the place of an operator with arguments, which are built already.

        >>> (variable("x") + 2.5).rebuilt(lambda operator, parts: parts[0] - parts[1])
        Expression(x - 2.5)
        """
        return self.fold(
            variable=lambda name: variable(name, self.operators),
            constant=lambda slot: constant(self.constants[slot]),
            literal=literal,
            apply=build,
        )

    def with_constants(self, values: Sequence[float]) -> Expression:
        """The same formula with other constants.

        Args:
          values: one number per constant slot.

        Raises:
          ValueError: another number of values than of slots, or a value that is not finite.

        >>> (1.5 * variable("x")).with_constants([2.5])
        Expression(2.5*x)
        """
        return Expression(self.tokens, tuple(values), self.operators)

    def substitute(self, replacements: Mapping[str, Expression]) -> Expression:
        """Put expressions in the place of variables, all at once.

        Args:
          replacements: an expression for each name; names that do not occur are ignored.

        >>> x, y = variable("x"), variable("y")
        >>> (x + y).substitute({"x": y**2, "y": x})
        Expression(y**2 + x)
        """
        tokens: list[str] = []
        constants: list[float] = []
        own = iter(self.constants)
        for token in self.tokens:
            part = is_variable(token, self.operators) and replacements.get(variable_name(token))
            if part:
                tokens += part.tokens
                constants += part.constants
            else:
                tokens.append(token)
                constants += [next(own)] if token == CONSTANT else []
        table = _union(self.operators, *(part.operators for part in replacements.values()))
        return Expression(tuple(tokens), tuple(constants), table)

    def evaluate(
        self, X: Float[ArrayLike, "... V"], variables: Sequence[str] | None = None
    ) -> Float[np.ndarray, ...]:
        """Values in float64, computed by numpy.

        Args:
          X: a table whose last axis holds the variables.
          variables: names of the columns of ``X``; by default ``self.variables``.

        Raises:
          ValueError: a variable without a column, or columns that do not match the names.

        >>> (2 * variable("x") + variable("y")).evaluate([[1.0, 2.0], [3.0, 4.0]])
        array([ 4., 10.])
        """
        table = np.asarray(X, dtype=np.float64)
        columns = column_index(self.variables, variables, table.shape)
        with np.errstate(all="ignore"):
            values = self.fold(
                variable=lambda name: table[..., columns[name]],
                constant=lambda slot: np.float64(self.constants[slot]),
                literal=lambda token: np.float64(literal_value(token)),
                apply=evaluate_operator,
            )
        return np.broadcast_to(values, table.shape[:-1]).astype(np.float64)

    def jax(
        self, variables: Sequence[str] | None = None
    ) -> tuple[Callable[..., Float[Array, ...]], Float[np.ndarray, K]]:
        """``f(X, constants)`` and the constants; see `jaxsym.expr.jax_bridge.to_jax`.

        >>> import jax.numpy as jnp
        >>> f, constants = (2.5 * variable("x")).jax()
        >>> f(jnp.array([[1.0], [2.0]]), constants).tolist()
        [2.5, 5.0]
        """
        return to_jax(self, variables)

    def sympy(self) -> Expr:
        """The expression in sympy; see `jaxsym.expr.sympy_bridge.to_sympy`.

        >>> (variable("x") + variable("x")).sympy()
        2*x
        """
        from jaxsym.expr.sympy_bridge import to_sympy

        return to_sympy(self)

    def rounded(self, digits: int) -> Expression:
        """The same formula with its constants to so many significant digits, for people to read.

        >>> print((constant(1.23456789) * variable("x")).rounded(4))
        1.235*x
        """
        return self.with_constants([float(f"{value:.{digits}g}") for value in self.constants])

    def latex(self, digits: int = 6) -> str:
        r"""The expression in LaTeX; see `jaxsym.expr.printing.to_latex`.

        >>> (variable("x") / 3).latex()
        '\\frac{x}{3}'
        """
        return to_latex(self, digits)

    def _repr_latex_(self) -> str:
        """How notebooks show the expression: typeset."""
        return rf"$\displaystyle {self.latex()}$"

    def canonical(self) -> Expression:
        """The expression in canonical form; see `jaxsym.expr.canonical.rules.canonical`.

        >>> (variable("x") * 2 - variable("x")).canonical()
        Expression(x)
        """
        return self._canonical

    @cached_property
    def _canonical(self) -> Expression:
        return canonical(self)

    def __str__(self) -> str:
        return to_text(self)

    def __repr__(self) -> str:
        return f"Expression({self})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return self.canonical()._code == other.canonical()._code

    def __hash__(self) -> int:
        return hash(self.canonical()._code)

    def __reduce__(self) -> tuple:
        # the shared table is not copied along: its functions need not be picklable
        own = () if self.operators is OPERATORS else (self.operators,)
        return Expression, (self.tokens, self.constants, *own)

    # numpy leaves `array * expression` to the operators below
    __array_ufunc__ = None

    def __add__(self, other: Any) -> Expression:
        return _binary("add", self, other)

    def __radd__(self, other: Any) -> Expression:
        return _binary("add", other, self)

    def __sub__(self, other: Any) -> Expression:
        return _binary("sub", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return _binary("sub", other, self)

    def __mul__(self, other: Any) -> Expression:
        return _binary("mul", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return _binary("mul", other, self)

    def __truediv__(self, other: Any) -> Expression:
        return _binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Expression:
        return _binary("div", other, self)

    def __pow__(self, other: Any) -> Expression:
        return _binary("pow", self, other)

    def __rpow__(self, other: Any) -> Expression:
        return _binary("pow", other, self)

    def __neg__(self) -> Expression:
        return Expression(*negate(self._code), self.operators)

    def __abs__(self) -> Expression:
        return apply("abs", self, operators=self.operators)


def variable(name: str, operators: Table = OPERATORS) -> Expression:
    """The variable ``name``, any identifier.

    Raises:
      ValueError: ``name`` is not an identifier.

    >>> variable("m1") * variable("sin")
    Expression(m1*sin)
    """
    return Expression((variable_token(name, operators),), (), operators)


def constant(value: float) -> Expression:
    """A number that a fit may change.

    >>> constant(1.5).constants
    (1.5,)
    """
    return Expression((CONSTANT,), (value,))


def literal(token: str | int) -> Expression:
    """An exact number: an integer, ``"pi"`` or ``"e"``.

    Raises:
      ValueError: anything else.

    >>> literal(2) * literal("pi")
    Expression(2*pi)
    """
    require(is_literal(str(token)), f"literal {token!r}: expected an integer, 'pi' or 'e'")
    return Expression((str(token),))


def apply(name: str, *arguments: Expression | float, operators: Table = OPERATORS) -> Expression:
    """The operator ``name`` of some arguments.

    Raises:
      ValueError: an unknown operator, or another number of arguments than its arity.

    >>> apply("sin", variable("x") + 1)
    Expression(sin(x + 1))
    """
    if name not in operators:
        raise unknown_name("operator", name, operators)
    arity = operators[name].arity
    require(
        len(arguments) == arity, f"{name} takes {arity} arguments, got {len(arguments)} of them"
    )
    parts = [_lift(argument) for argument in arguments]
    code = join(name, *(part._code for part in parts))
    return _made(code, _union(operators, *(part.operators for part in parts)))


def evaluate_operator(operator: Operator, args: list[Any]) -> Any:
    """One operator's values in float64, by numpy if it can."""
    if operator.numpy is not None:
        return operator.numpy(*args)
    with jax.enable_x64(True):
        return np.asarray(operator.jnp(*args))


def _lift(value: Any) -> Expression:
    """A number as an expression: integers and rationals are exact, floats are constants."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"expected an Expression or a number, got {type(value).__name__}")
    if not isinstance(value, numbers.Rational):
        return constant(float(value))
    if value.denominator == 1:
        return literal(int(value.numerator))
    return apply("div", int(value.numerator), int(value.denominator))


def _union(table: Table, *others: Table) -> Table:
    """One table with the rows of all; the first one itself if it has them already."""
    for other in others:
        if other is not table and not other.items() <= table.items():
            table = {**table, **other}
    return table


def _binary(name: str, left: Any, right: Any) -> Expression:
    try:
        left, right = _lift(left), _lift(right)
    except TypeError:
        return NotImplemented
    table = _union(left.operators, right.operators)
    if name == "pow":
        code = raise_to(left._code, right._code, table)
    elif name == "div":
        code = divide(left._code, right._code, table)
    else:
        code = join(name, left._code, right._code)
    return _made(code, table)


def _made(code: Code, table: Table) -> Expression:
    """An expression of parts that are well formed, so that nothing is checked again."""
    made = object.__new__(Expression)
    for name, value in zip(("tokens", "constants", "operators"), (*code, table), strict=True):
        object.__setattr__(made, name, value)
    return made
