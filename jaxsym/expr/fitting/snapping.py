"""Constants replaced by exact numbers where the data allow it.

The rule is description length. A fitted constant c known to a standard error s costs about
1 + log2(1 + |c|/s) bits; a rational p/q costs log2(1 + |p|) + 1 + 2 log2(q), plus what the
likelihood loses, n/2 log2(loss after / loss before). The rational is taken when it is the shorter
of the two, so that noisy data snap readily, exact data only to numbers that hold to the last
digits, and 22/7 is not preferred to the real number next to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym.expr.expression import Expression, apply, constant, literal, variable
from jaxsym.expr.fitting.errors import standard_errors
from jaxsym.expr.fitting.single import Solution, least_squares
from jaxsym.expr.operators import Operator
from jaxsym.expr.tokens import LITERALS, column_index, is_literal, literal_value

_RATIONALS = (1, 2, 3, 4, 6, 8, 9, 12)
_DECIMALS = (5, 10, 100, 1000, 10**4, 10**5, 10**6)
_SYMBOL = 6.0  # bits that name pi, e or a named constant
_ROOT = 11.0  # bits that name 1/pi or a root, which are rarer
_HALVES = (1, 2)  # denominators of multiples of roots
_TRIED = 8  # numbers that are refitted at a time
_DIGITS_SPARE = 4  # a decimal is taken for exact if it says at least so many digits less
_DECISIVE = math.log2(20)  # bits: strong evidence (Kass and Raftery 1995, section 3.2)
_WIDE = 4.0  # standard errors within which an exact number may lie
_LEAST_ERROR = 4e-13  # relative error of a coefficient that linear regression leaves in float64
_ROUNDING = 1e-28  # share of mean(y**2) below which a loss is float64 rounding


class _Candidate(NamedTuple):
    """An exact number near a constant: bits that it saves, and those left after the fit's loss."""

    slot: int
    number: Expression
    saved: float
    expected: float


class _Base(NamedTuple):
    """What rational multiples are taken of: its value, the bits that name it, the denominators."""

    number: Expression
    value: float
    bits: float
    denominators: tuple[int, ...] = _RATIONALS


_BASES = (
    _Base(literal(1), 1.0, 0.0),
    *(_Base(literal(token), value, _SYMBOL) for token, value in LITERALS.items()),
    _Base(literal(1) / literal("pi"), 1 / math.pi, _ROOT, _RATIONALS),
    *(_Base(apply("sqrt", literal(n)), math.sqrt(n), _ROOT, _HALVES) for n in (2, 3)),
    _Base(1 / apply("sqrt", literal("pi")), math.pi**-0.5, _ROOT, _HALVES),
    _Base(apply("sqrt", 2 * literal("pi")), math.tau**0.5, _ROOT, _HALVES),
    _Base(1 / apply("sqrt", 2 * literal("pi")), math.tau**-0.5, _ROOT, _HALVES),
)


class _Data(NamedTuple):
    """What every refit needs."""

    columns: dict[str, np.ndarray]
    y: np.ndarray
    weights: np.ndarray


def snap(
    expression: Expression,
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, " n"],
    *,
    variables: Sequence[str] | None = None,
    weights: Float[ArrayLike, " n"] | None = None,
    tolerance: float = 0.0,
    named: Mapping[str, float] | None = None,
    samples: float | None = None,
    noise: float = 0.0,
) -> Expression:
    """Replace constants by integers, rationals, multiples of pi, e and a few roots, and named ones.

    Greedy: the number that saves most bits first; the other constants are refitted after each.

    Args:
      expression: an expression whose constants are near their best.
      X: `[n, V]` points.
      y: `[n]` targets.
      variables: names of the columns of `X`; by default `expression.variables`.
      weights: `[n]` inverse variances of the targets, up to a factor; equal by default.
      tolerance: relative rise of the loss that is accepted whatever the likelihood says, for
        residuals that are not independent noise.
      named: further numbers to try, like pi; in the result they appear as constants of that value.
      samples: number of independent points; by default all that have weight. As many constants as
        samples have no standard errors, and none of them is replaced.
      noise: mean variance of the targets' noise, as they are weighted; by default it is told by
        what the expression leaves.

    Returns:
      the canonical form of the expression with the numbers put in and the rest refitted.

    Raises:
      ValueError: data that do not match, or a name that is also a variable.

    >>> from jaxsym.expr import parse
    >>> x = np.linspace(1.0, 3.0, 50)[:, None]
    >>> snap(parse("1.9999999999*x**3.0000000001"), x, 2 * x[:, 0] ** 3)
    Expression(2*x**3)
    """
    names = list(expression.variables if variables is None else variables)
    symbols = dict(named or {})
    for name in symbols:
        require(name not in names, f"named constant '{name}' is also a variable")
    points, target = np.asarray(X, np.float64), np.asarray(y, np.float64)
    weight = np.ones(len(points)) if weights is None else np.asarray(weights, np.float64)
    columns = column_index(expression.variables, names, points.shape)
    data = _Data({name: points[:, column] for name, column in columns.items()}, target, weight)
    # a named constant is a column while the others are refitted, so that it stays as it is
    data.columns.update({name: np.full(len(points), value) for name, value in symbols.items()})
    count = float(np.count_nonzero(weight)) if samples is None else samples
    current = _snapped(expression.canonical(), data, symbols, tolerance, count, noise)
    values = {name: constant(value) for name, value in symbols.items()}
    return _decimals_as_constants(current).substitute(values).canonical()


def _snapped(
    expression: Expression,
    data: _Data,
    symbols: Mapping[str, float],
    tolerance: float,
    samples: float,
    noise: float,
) -> Expression:
    rounding = _ROUNDING * np.average(data.y**2, weights=data.weights)
    bases = [*_BASES, _Base(literal(1), 1.0, 0.0, _DECIMALS)]
    bases += [_Base(variable(name), value, _SYMBOL) for name, value in symbols.items()]
    current, fit = _refit(expression, data)
    loss = fit.loss + rounding
    highest = loss * (1 + tolerance)
    while current.constants and np.all(np.isfinite(fit.curvature)):
        freedom = samples - len(current.constants)
        if freedom <= 0 and not noise:
            break
        errors = standard_errors(fit.curvature, noise / samples if noise else loss / freedom)
        candidates = _candidates(current.constants, errors, bases, samples * tolerance)
        if not candidates:
            break
        trials = [_refit(with_number(current, c.slot, c.number), data) for c in candidates]
        losses = np.array([trial.loss for _, trial in trials]) + rounding
        saved = np.array([c.saved for c in candidates])
        lost = (losses - loss) / noise / math.log(2) if noise else np.log2(losses / loss)
        gains = saved - samples / 2 * lost
        gains = np.where(losses <= highest, np.maximum(gains, saved), gains)
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        (current, fit), loss = trials[best], losses[best]
    return current


def _refit(expression: Expression, data: _Data) -> tuple[Expression, Solution]:
    fit = least_squares(expression, data.columns, data.y, data.weights)
    return (expression.with_constants(fit.constants) if np.isfinite(fit.loss) else expression), fit


def exact_numbers(value: float, error: float, bits: float = 0.0) -> list[Expression]:
    """Integers, rationals and multiples of pi and e that say a constant in fewer bits, best first.

    Args:
      value: the constant.
      error: its standard error.
      bits: that a number must save, misfit included.

    >>> exact_numbers(2.0001, 0.001)[:1], exact_numbers(162.1, 0.05, bits=4.3)
    ([Expression(2)], [])
    """
    near = sorted(_near(0, value, error, _BASES), key=lambda candidate: -candidate.expected)
    return [candidate.number for candidate in near if candidate.expected > bits]


def snapped(value: float, error: float) -> Expression:
    """A number as exactly as its standard error lets it be said.

    The shortest decimal if the digits that follow are all zeros, as in 7.1289; else a rational if
    that is decisively shorter, misfit included; else the constant as it is. Masses and lengths are
    no multiples of pi or e.

    >>> [str(snapped(v, 1e-13)) for v in (7.128900000000003, 1 / 3 + 1e-14, 0.46481666666667)]
    ['7.1289', '1/3', '0.46481666666667']
    >>> str(snapped(2.718, 0.02))
    '2.718'
    """
    error = max(error, _LEAST_ERROR * abs(value))
    known = math.floor(-math.log10(_WIDE * error))
    for places in range(min(known - _DIGITS_SPARE, 12) + 1):
        rounded = round(value, places)
        if abs(rounded - value) <= _WIDE * error and rounded:
            return constant(rounded) if places else literal(int(rounded))
    rationals = (c for c in _near(0, value, error, _BASES[:1]) if c.number.tokens != ("0",))
    best = max(rationals, key=lambda candidate: candidate.expected, default=None)
    return best.number if best and best.expected > _DECISIVE else constant(value)


def with_number(expression: Expression, slot: int, number: Expression) -> Expression:
    """The expression with an exact number in the place of one constant.

    Args:
      slot: which constant.
      number: what to put there.

    >>> from jaxsym.expr import parse
    >>> with_number(parse("1.9*x**3.1"), 0, literal(2))
    Expression(2*x**3.1)
    """
    numbers = [constant(value) for value in expression.constants]
    numbers[slot] = number
    table = expression.operators
    return expression.fold(
        variable=lambda name: variable(name, table),
        constant=numbers.__getitem__,
        literal=literal,
        apply=lambda operator, arguments: apply(operator.name, *arguments, operators=table),
    )


def _candidates(
    values: Sequence[float],
    errors: np.ndarray,
    bases: Sequence[_Base],
    slack: float,
) -> list[_Candidate]:
    """The most promising numbers that are shorter than the constants that they replace."""
    found = [
        candidate
        for slot, (value, error) in enumerate(zip(values, errors, strict=True))
        for candidate in _near(slot, value, error, bases)
        if candidate.expected > -slack
    ]
    return sorted(found, key=lambda candidate: -candidate.expected)[:_TRIED]


def _near(slot: int, value: float, error: float, bases: Iterable[_Base]) -> Iterator[_Candidate]:
    real = 1 + math.log2(1 + abs(value) / error)
    for base in bases:
        for denominator in base.denominators:
            numerator = round(value / base.value * denominator)
            bits = base.bits + math.log2(1 + abs(numerator)) + _denominator_bits(denominator)
            if (
                not _in_lowest_terms(base, numerator, denominator)
                or bits >= real
                or (base.bits and not numerator)
            ):
                continue
            lost = ((numerator / denominator * base.value - value) / error) ** 2 / math.log(4)
            number = _multiple(base, numerator, denominator)
            yield _Candidate(slot, number, real - bits, real - bits - lost)


def _in_lowest_terms(base: _Base, numerator: int, denominator: int) -> bool:
    """Whether no other denominator says the same; decimals end with their last digit."""
    if base.denominators is _DECIMALS and denominator % 10 == 0:
        return numerator % 10 != 0
    return math.gcd(numerator, denominator) == 1


def _denominator_bits(denominator: int) -> float:
    return 1 + 2 * math.log2(denominator) if denominator > 1 else 0.0


def _multiple(base: _Base, numerator: int, denominator: int) -> Expression:
    if base.denominators is _DECIMALS:
        return literal(numerator) * apply("inv", literal(denominator))
    ratio = literal(numerator) if denominator == 1 else literal(numerator) / literal(denominator)
    if base.value == 1:
        return ratio
    return base.number if numerator == denominator else ratio * base.number


def _decimals_as_constants(expression: Expression) -> Expression:
    """`17 * inv(10)`, which stood still while other constants were fitted, as the constant 1.7."""
    table = expression.operators

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        tokens = tuple(token for argument in arguments for token in argument.tokens)
        if (
            operator.name == "mul"
            and len(tokens) == 3
            and tokens[1] == "inv"
            and is_literal(tokens[2])
        ):
            return constant(literal_value(tokens[0]) / literal_value(tokens[2]))
        return apply(operator.name, *arguments, operators=table)

    return expression.rebuilt(join)
