"""What a user knows of an answer before the search: where to start, and what to leave out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral, Real

import numpy as np
from jaxtyping import Float

from jaxsym._check import require, unknown_name
from jaxsym._indices import spread
from jaxsym.expr import Expression, Operator
from jaxsym.expr.fitting.free import with_free_numbers
from jaxsym.expr.tokens import literal_value
from jaxsym.search.tolerances import SAME

Nesting = Mapping[str, Mapping[str, int]]
Predicate = Callable[[Expression], bool]

_ROWS = 64  # of the table at which values are looked at, and
_STEPS = 16  # values of a variable that each of them is given, over its range


def _every(expression: Expression) -> bool:
    return True


@dataclass(frozen=True)
class Constraints:
    """What the expressions of a front must obey, and what the user knows of them beforehand.

    Attributes:
      allowed: whether an expression may be on the front, by its form.
      guesses: expressions to start from; their constants are fitted.
      named: numbers, besides integers, rationals, pi and e, that constants may turn out to be.
      required: variables that must occur.
      nesting: for an operator, how often others may be nested in it.
      max_constants: most numbers in an expression, exact ones too, exponents apart.
      exponents: the least and the most that a number in an exponent may be.
      positive: whether values must not be negative.
      monotone: for a variable, 1 if values must not fall where it rises, -1 if they must not rise.
      symmetric: pairs of variables that may be exchanged.
      values: whether an expression has such values; made of the last three by `on`.

    Values are looked at in the table's rows, for `monotone` and `positive` with each variable moved
    over its range too.

    >>> from jaxsym import SymbolicRegressor
    >>> from jaxsym.search import Constraints
    >>> x = np.linspace(0.0, 3.0, 40)[:, None]
    >>> falling = Constraints(monotone={"x0": -1}, max_constants=2)
    >>> SymbolicRegressor(constraints=falling).fit(x, 3 - 2 * x[:, 0]).expression_
    Expression(3 - 2*x0)
    """

    allowed: Predicate = _every
    guesses: Sequence[Expression] = ()
    named: Mapping[str, float] = field(default_factory=dict)
    required: Sequence[str] = ()
    nesting: Nesting = field(default_factory=dict)
    max_constants: int | None = None
    exponents: tuple[float, float] | None = None
    positive: bool = False
    monotone: Mapping[str, int] = field(default_factory=dict)
    symmetric: Sequence[tuple[str, str]] = ()
    values: Predicate = _every

    def permits(self, expression: Expression) -> bool:
        """Whether an expression is within all limits."""
        return (
            self.allowed(expression)
            and set(self.required) <= set(expression.variables)
            and nested_within(expression, self.nesting)
            and self._few_numbers(expression)
            and self._small_exponents(expression)
            and self.values(expression)
        )

    def _few_numbers(self, expression: Expression) -> bool:
        most = self.max_constants
        return most is None or len(with_free_numbers(expression).constants) <= most

    def _small_exponents(self, expression: Expression) -> bool:
        if self.exponents is None:
            return True
        low, high = self.exponents
        return all(low <= exponent <= high for exponent in _exponents(expression))

    def check(self, variables: Sequence[str], operators: Mapping[str, Operator]) -> None:
        """Raise unless the limits speak of a table and of known operators, and can be met together.

        Raises:
          ValueError: unknown names, numbers that are none, limits that exclude each other.
        """
        pairs = [name for pair in self.symmetric for name in pair]
        for name in (*self.required, *self.monotone, *pairs):
            if name not in variables:
                raise unknown_name("variable", name, variables)
        check_nesting(self.nesting, operators)
        most = self.max_constants
        count = most is None or (isinstance(most, Integral) and most >= 0)
        require(count, f"max_constants={most!r}; expected a whole number, at least 0, or None")
        if self.exponents is not None:
            numbers = len(self.exponents) == 2 and all(isinstance(e, Real) for e in self.exponents)
            ordered = numbers and self.exponents[0] <= 1 <= self.exponents[1]
            require(ordered, f"exponents={self.exponents!r}; expected (least, most) around 1")
        for name, sign in self.monotone.items():
            require(sign in (1, -1), f"monotone['{name}'] is {sign!r}; expected 1 or -1")
        for pair in self.symmetric:
            require(
                len(pair) == 2 and pair[0] != pair[1],
                f"symmetric has {pair!r}; expected two different variables",
            )
            signs = {self.monotone.get(name) for name in pair} - {None}
            require(
                len(signs) < 2,
                f"monotone and symmetric contradict each other: {pair[0]} and {pair[1]} may be "
                "exchanged, but values rise with one and fall with the other",
            )

    def on(self, X: Float[np.ndarray, "n V"], variables: Sequence[str]) -> Constraints:
        """The same with a predicate for the values at the rows of a table."""
        if not (self.positive or self.monotone or self.symmetric):
            return self
        return replace(self, values=_Values(self, X[spread(len(X), _ROWS)], tuple(variables)))


class _Values:
    """Whether expressions have the values that constraints ask for.

    Args:
      constraints: what is asked for.
      X: `[n, V]` points.
      variables: names of the columns.
    """

    def __init__(self, constraints: Constraints, X: np.ndarray, variables: tuple[str, ...]):
        self.constraints, self.X, self.variables = constraints, X, variables

    def __call__(self, expression: Expression) -> bool:
        asked = self.constraints
        values = expression.evaluate(self.X, self.variables)
        slack = SAME * float(np.max(np.abs(values), initial=0.0))
        with np.errstate(all="ignore"):  # nan fails no comparison: there is no value to speak of
            return not (
                (asked.positive and self._negative(expression, slack))
                or any(self._turns(expression, *item, slack) for item in asked.monotone.items())
                or any(self._differs(expression, values, pair, slack) for pair in asked.symmetric)
            )

    def _negative(self, expression: Expression, slack: float) -> bool:
        moved = (self._moved(expression, name) for name in self.variables)
        return any(bool(np.any(values < -slack)) for values in moved)

    def _turns(self, expression: Expression, name: str, sign: int, slack: float) -> bool:
        steps = np.diff(self._moved(expression, name), axis=1)
        return bool(np.any(sign * steps < -slack))

    def _differs(
        self, expression: Expression, values: np.ndarray, pair: tuple[str, str], slack: float
    ) -> bool:
        columns = [self.variables.index(name) for name in pair]
        swapped = self.X.copy()
        swapped[:, columns] = self.X[:, columns[::-1]]
        return bool(np.any(np.abs(expression.evaluate(swapped, self.variables) - values) > slack))

    def _moved(self, expression: Expression, name: str) -> Float[np.ndarray, "n steps"]:
        """Values with one variable moved over its range in each row."""
        column = self.variables.index(name)
        steps = np.linspace(self.X[:, column].min(), self.X[:, column].max(), _STEPS)
        table = np.repeat(self.X[:, None], _STEPS, axis=1)
        table[:, :, column] = steps
        return expression.evaluate(table, self.variables)


def _exponents(expression: Expression) -> list[float]:
    """The numbers that parts with variables are raised to, those of squares and roots too."""
    found: list[float] = []

    def below(operator: Operator, arguments: list[float | None]) -> float | None:
        power = arguments[1] if operator.name == "pow" else operator.exponent
        if power is not None and arguments[0] is None:
            found.append(float(power))
        known = [value for value in arguments if value is not None]
        if len(known) < len(arguments) or operator.numpy is None:
            return None
        return float(operator.numpy(*map(np.float64, known)))

    with np.errstate(all="ignore"):
        expression.fold(
            variable=lambda _: None,
            constant=lambda slot: expression.constants[slot],
            literal=literal_value,
            apply=below,
        )
    return found


def check_nesting(nesting: Nesting, operators: Mapping[str, Operator]) -> None:
    """Raise unless limits of nesting speak of known operators.

    Raises:
      ValueError: an unknown operator or a negative limit.
    """
    for outer, limits in nesting.items():
        for name, limit in {outer: 0, **limits}.items():
            if name not in operators:
                raise unknown_name("operator", name, operators)
            whole = isinstance(limit, Integral) and limit >= 0
            require(whole, f"nesting of {name} in {outer} is {limit!r}; expected at least 0")


def nested_within(expression: Expression, nesting: Nesting) -> bool:
    """Whether no operator is nested in another one more often than it may be.

    Args:
      nesting: for an operator, how many times others may occur on a path below it.

    >>> from jaxsym.expr import parse
    >>> limits = {"sin": {"sin": 0, "exp": 1}}
    >>> [nested_within(parse(f), limits) for f in ("sin(x)*sin(y)", "sin(x + sin(y))")]
    [True, False]
    """
    well = True

    def below(operator: Operator, arguments: list[dict[str, int]]) -> dict[str, int]:
        nonlocal well
        names = {name for argument in arguments for name in argument}
        counts = {name: max(a.get(name, 0) for a in arguments) for name in names}
        limits = nesting.get(operator.name, {})
        well &= all(counts.get(name, 0) <= limit for name, limit in limits.items())
        return counts | {operator.name: counts.get(operator.name, 0) + 1}

    expression.fold(variable=lambda _: {}, constant=lambda _: {}, literal=lambda _: {}, apply=below)
    return well
