"""What a person would write: of many forms of the same values the one with the shortest text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import sympy

from jaxsym.expr.expression import Expression, apply
from jaxsym.expr.simplify import equal_forms, quick, quick_sympy
from jaxsym.expr.subtrees import Formula, part_ends, replaced, to_expression, to_formula
from jaxsym.expr.sympy_bridge import UnsupportedError, from_sympy
from jaxsym.expr.tokens import is_literal

_ROUNDS = 4  # of shortening; each begins with the shortest text so far
_DIGITS = 6  # of constants, in the text that is compared
_SAME = 1e-9  # relative difference of constants that are one number
_ROUNDING = 1e-13  # of a constant that is a whole number


def presentable(
    expression: Expression, holds: Callable[[Expression], bool] = lambda form: True
) -> Expression:
    """The form of an expression that has the shortest text.

    Args:
      expression: which.
      holds: whether a form has the values that are wanted. Forms differ by rounding, and, where
        arguments are negative, those without absolute values.

    >>> from jaxsym.expr import parse
    >>> for text in ("exp(x)/2 - exp(-x)/2", "(-x - 1)/(x - 1)", "3*sqrt(x**3)", "x**2 - 2*x + 1",
    ...     "(exp(2*x) - 1)/(exp(2*x) + 1)", "0.0115*x*(86.78*x + 86.78)", "abs(x)*sin(2*abs(x))"):
    ...     print(presentable(parse(text)))
    sinh(x)
    (x + 1)/(1 - x)
    3*x**(3/2)
    (x - 1)**2
    tanh(x)
    0.99797*x*(x + 1)
    x*sin(2*x)
    """
    best = expression
    for _ in range(_ROUNDS):
        shorter = [form for form in _forms(best) if _length(form) < _length(best)]
        found = next((form for form in sorted(shorter, key=_length) if holds(form)), None)
        if found is None:
            break
        best = found
    return best


def _length(expression: Expression) -> tuple[int, int]:
    """Characters of the text with rounded constants; of texts as long the simpler formula's."""
    rounded = [float(f"{value:.{_DIGITS}g}") for value in expression.constants]
    return len(str(expression.with_constants(rounded))), expression.complexity


def _forms(expression: Expression) -> Iterator[Expression]:
    if expression.tokens[0] == "if_greater":
        yield _branches(expression)
        return
    yield _turned(expression.canonical())
    yield _joined_roots(expression)
    yield _root_below(expression.canonical())
    yield from equal_forms(expression)
    formula = quick_sympy(expression)
    if formula is None:
        return
    for rule in RULES.values():
        try:
            yield from_sympy(_clean(rule(formula)), expression.operators)
        except (UnsupportedError, ValueError, TypeError, sympy.PolynomialError):
            continue


def _hyperbolic(formula: sympy.Expr) -> sympy.Expr:
    """Sums of an exponential and its reciprocal as hyperbolic sines and cosines."""

    def of_sum(total: sympy.Expr) -> sympy.Expr:
        terms = {term: term.as_independent(sympy.exp) for term in total.args}
        factors = {part: factor for factor, part in terms.values() if isinstance(part, sympy.exp)}
        for part, factor in factors.items():
            other = factors.get(sympy.exp(-part.args[0]))
            if other is None or part.args[0].could_extract_minus_sign():
                continue
            rest = total - factor * part - other / part
            if _same(factor, other):
                return of_sum_or_term(rest + 2 * factor * sympy.cosh(part.args[0]))
            if _same(factor, -other):
                return of_sum_or_term(rest + 2 * factor * sympy.sinh(part.args[0]))
        return total

    def of_sum_or_term(found: sympy.Expr) -> sympy.Expr:
        return of_sum(found) if found.is_Add else found

    return formula.replace(lambda node: node.is_Add, of_sum)


def _tangents(formula: sympy.Expr) -> sympy.Expr:
    """Quotients of `exp(u) - 1` and `exp(u) + 1` as hyperbolic tangents, and of sinh and cosh."""
    u = sympy.Wild("u", exclude=[0])
    found = formula.replace(sympy.sinh(u) / sympy.cosh(u), sympy.tanh(u))
    for node in found.atoms(sympy.exp):
        argument = node.args[0]
        quotient = (node - 1) / (node + 1)
        unknown = sympy.Dummy()
        tangent = sympy.tanh(argument / 2)
        for direct, sign in ((quotient, 1), (1 / quotient, -1)):
            changed = found.subs(direct, unknown)
            if changed.has(unknown):
                found = changed.subs(unknown, tangent**sign)
    return found


def _logistic(formula: sympy.Expr) -> sympy.Expr:
    """Reciprocals of `exp(u) + 1` by hyperbolic tangents."""
    found = formula
    for node in formula.atoms(sympy.exp):
        tangent = sympy.tanh(node.args[0] / 2)
        found = found.subs(1 / (node + 1), (1 - tangent) / 2)
    return sympy.expand(found)


def _roots(formula: sympy.Expr) -> sympy.Expr:
    """Roots of odd powers as powers: `sqrt(x**3)` is real only where x is not negative."""

    def odd(node: sympy.Expr) -> bool:
        if not node.is_Pow:
            return False
        base, exponent = node.as_base_exp()
        halves = exponent.is_Rational and exponent.q == 2
        return bool(halves and base.is_Pow and base.exp.is_Integer and base.exp % 2)

    return formula.replace(odd, lambda node: node.base.base ** (node.base.exp * node.exp))


def _branches(expression: Expression) -> Expression:
    """A conditional with the shortest text of each branch."""
    formula = to_formula(expression)
    ends = part_ends(formula, expression.operators)
    starts = [1, ends[1]]
    starts += [ends[starts[-1]]]
    starts += [ends[starts[-1]]]
    parts = [to_expression(formula[start : ends[start]], expression.operators) for start in starts]
    short = (*parts[:2], *map(presentable, parts[2:]))
    return apply("if_greater", *short, operators=expression.operators)


def _turned(expression: Expression) -> Expression:
    """Products of a minus and a difference as products of the difference turned round."""
    table = expression.operators
    formula = to_formula(expression)
    ends = part_ends(formula, table)
    for place, token in enumerate(formula):
        if token in ("mul", "div"):
            factors = _factors(formula, ends, place)
            minus = next((f for f in factors if formula[f] == "neg"), None)
            difference = next((f for f in factors if formula[f] == "sub"), None)
            if minus is not None and difference is not None:
                split, end = ends[difference + 1], ends[difference]
                turned = (*formula[split:end], *formula[difference + 1 : split])
                formula = replaced(formula, ends, difference, ("sub", *turned))
                return to_expression((*formula[:minus], *formula[minus + 1 :]), table)
    return expression


def _root_below(expression: Expression) -> Expression:
    """`x*sqrt(-1/(u - 1))` as `x/sqrt(1 - u)`."""
    table = expression.operators
    formula = to_formula(expression)
    ends = part_ends(formula, table)
    for place, token in enumerate(formula):
        if token == "sqrt" and formula[place + 1 : place + 4] == ("div", "-1", "sub"):
            start, end = place + 4, ends[place]
            split = ends[start]
            root = ("sqrt", "sub", *formula[split:end], *formula[start:split])
            parents = [p for p in range(place) if formula[p] == "mul" and ends[p + 1] == place]
            if parents:
                first = formula[parents[-1] + 1 : place]
                whole = replaced(formula, ends, parents[-1], ("div", *first, *root))
            else:
                whole = replaced(formula, ends, place, ("inv", *root))
            return to_expression(whole, table)
    return expression


def _joined_roots(expression: Expression) -> Expression:
    """Products of two roots of numbers as the root of their product."""
    table = expression.operators
    formula = to_formula(expression)
    ends = part_ends(formula, table)
    for place, token in enumerate(formula):
        if token == "mul":
            second = ends[place + 1]
            numbers = formula[place + 2 : second], formula[second + 1 : ends[place]]
            roots = formula[place + 1] == formula[second] == "sqrt"
            if roots and all(len(n) == 1 and is_literal(str(n[0])) for n in numbers):
                joined = ("sqrt", "mul", *numbers[0], *numbers[1])
                return to_expression(replaced(formula, ends, place, joined), table)
    return expression


def _factors(formula: Formula, ends: Sequence[int], place: int) -> list[int]:
    """Where the factors of a product or quotient begin."""
    if formula[place] not in ("mul", "div"):
        return [place]
    parts = (place + 1, ends[place + 1])
    return [factor for part in parts for factor in _factors(formula, ends, part)]


def with_fewer_constants(expression: Expression) -> Iterator[Expression]:
    """The expression with one constant for each product of sums, if it has more than it needs.

    >>> from jaxsym.expr import parse
    >>> list(with_fewer_constants(parse("(2.5*x + 1.5)/(0.5*y + 4.5)")))
    [Expression(5*(x + 0.6)/(y + 9))]
    """
    if len(expression.constants) < 2:
        return
    try:
        formula = expression.sympy()
        if quick(formula):
            found = from_sympy(_clean(_shared_factors(formula)), expression.operators)
            if len(found.constants) < len(expression.constants):
                yield found
    except (UnsupportedError, ValueError):
        return


def _shared_factors(formula: sympy.Expr) -> sympy.Expr:
    """Products with one constant: the factors of sums within go out, and 1 is what they leave."""

    def of_product(node: sympy.Expr) -> sympy.Expr:
        factor, rest, count = sympy.Integer(1), [], 0
        for part in node.args:
            base, exponent = part.as_base_exp()
            lead = _lead(base) if exponent.is_Integer else None
            if lead is not None:
                factor *= lead**exponent
                part = sympy.Add(*(term / lead for term in base.args)) ** exponent
            count += part.is_Float or lead is not None
            rest.append(part)
        return sympy.Mul(factor, *rest) if count > 1 else node

    return formula.replace(lambda node: node.is_Mul, of_product)


def _lead(total: sympy.Expr) -> sympy.Expr | None:
    """The constant before the first term of a sum that has a variable."""
    if not total.is_Add:
        return None
    factors = [term.as_coeff_Mul()[0] for term in total.args if term.free_symbols]
    return factors[0] if factors and factors[0].is_Float else None


def _clean(formula: sympy.Expr) -> sympy.Expr:
    """Constants that are whole numbers up to rounding as such."""
    whole = {}
    for number in formula.atoms(sympy.Float):
        value = float(number)
        if math.isfinite(value) and math.isclose(value, round(value), rel_tol=_ROUNDING):
            whole[number] = sympy.Integer(round(value))
    return formula.xreplace(whole)


def _of_positive(formula: sympy.Expr) -> sympy.Expr:
    """Roots taken apart and joined as positive arguments allow; values tell whether that holds."""
    positive = {s: sympy.Dummy(s.name, positive=True) for s in formula.free_symbols}

    def whole(node: sympy.Expr) -> sympy.Expr:
        return sympy.Pow(sympy.factor(sympy.together(node.base)), node.exp)

    def broken(node: sympy.Expr) -> bool:
        return bool(node.is_Pow and node.exp.is_Rational and not node.exp.is_Integer)

    found = formula.xreplace(positive).replace(broken, whole)
    return found.xreplace({dummy: symbol for symbol, dummy in positive.items()})


def _without_sizes(formula: sympy.Expr) -> sympy.Expr:
    """Arguments in the place of absolute values; values tell whether these are needed."""
    return formula.replace(sympy.Abs, lambda argument: argument)


def _same(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two factors are equal, constants up to rounding."""
    ratio = sympy.simplify(left / right)
    return bool(ratio.is_number and abs(complex(ratio) - 1) < _SAME)


RULES: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "hyperbolic": _hyperbolic,
    "tangents": _tangents,
    "both": lambda formula: _tangents(_hyperbolic(formula)),
    "roots": _roots,
    "logistic": _logistic,
    "shared factors": _shared_factors,
    "of positive": _of_positive,
    "without sizes": _without_sizes,
}
