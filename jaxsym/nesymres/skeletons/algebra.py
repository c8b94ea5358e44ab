"""The canonical form of skeletons: quick rules on terms that are made only once.

Every distinct term is one object, so that equality is identity and every rule is looked up where it
has been applied before; skeletons share most of their parts. A coefficient is an exact number or
`FREE`, a constant still to be fitted: it swallows every number that it meets, and no two free
constants are told apart. The rules are those that sympy applies by itself to real variables, and
those by which free constants merge: ``c*(c*x + 1) = c*x + c``, ``exp(c + x) = c*exp(x)``,
``ln(c*x) = c + ln(x)`` and ``sqrt(c*x) = c*sqrt(x)`` for positive c.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from jaxsym._check import unknown_name
from jaxsym.expr.operators import OPERATORS
from jaxsym.nesymres.skeletons.coefficients import (
    FREE,
    Coefficient,
    Number,
    UndefinedError,
    exact_root,
    number_code,
    plus,
    raised,
    times,
    whole,
)
from jaxsym.nesymres.skeletons.functions import function_of
from jaxsym.nesymres.skeletons.terms import Term, as_sum, chain, is_function, power_code
from jaxsym.nesymres.vocabulary import BINARY, UNARY

# powers by their names: the operators' own, and those of the original's sampler
_SHORT = {name: whole(row.exponent) for name, row in OPERATORS.items() if row.exponent}
_SHORT |= {f"pow{exponent}": exponent for exponent in (2, 3, 4, 5)}


class Algebra:
    """Terms and the rules that were applied to them; use it for as long as memory allows.

    >>> algebra = Algebra()
    >>> " ".join(algebra.canonical(("sub", "mul", "x_1", "x_2", "div", "x_1", "sin", "x_1")))
    'add mul x_1 x_2 mul -1 mul x_1 pow sin x_1 -1'
    >>> " ".join(algebra.canonical(("mul", "c", "add", "x_1", "mul", "c", "x_1")))
    'mul c x_1'
    """

    def __init__(self) -> None:
        self._terms: dict[tuple, Term] = {}
        self._rules: dict[tuple, Term] = {}
        self.constant = Term("constant", None, ("c",))

    def __len__(self) -> int:
        return len(self._terms)

    def canonical(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Canonical prefix tokens of prefix tokens.

        Raises:
          UndefinedError: an expression without a value.
          ValueError: an unknown token.
        """
        return self.read(tokens).code

    def read(self, tokens: Sequence[str]) -> Term:
        """The term that prefix tokens stand for; see `canonical`."""
        stack: list[Term] = []
        for token in reversed(tokens):
            if token in _ARITY:
                arity = _ARITY[token]
                arguments = stack[: -arity - 1 : -1]
                del stack[-arity:]
                stack.append(self.apply(token, *arguments))
            elif token == "c":
                stack.append(self.constant)
            elif token.lstrip("-").isdecimal():
                stack.append(self.number(int(token)))
            elif token[:2] == "x_":
                stack.append(self.term("variable", token, (token,)))
            else:
                raise unknown_name("token", token, _ARITY)
        return stack.pop()

    def apply(self, name: str, *arguments: Term) -> Term:
        """An operator of the vocabulary or of the sampler applied to terms."""
        key = (name, *arguments)
        found = self._rules.get(key)
        if found is None:
            found = self._rules[key] = self._apply(name, *arguments)
        return found

    def _apply(self, name: str, x: Term, y: Term | None = None) -> Term:
        if y is None:
            if name in _SHORT:
                return self.power(x, _SHORT[name])
            return self.scale(x, -1) if name == "neg" else function_of(self, name, x)
        match name:
            case "add":
                return self.add(x, y)
            case "sub":
                return self.add(x, self.scale(y, -1))
            case "mul":
                return self.multiply(x, y)
            case "div":
                return self.multiply(x, self.power(y, -1))
        if y.kind == "number":
            return self.power(x, y.parts)
        if x.kind == "constant" and y.kind == "constant":
            return self.constant
        return self.term("power", (x, y), ("pow", *x.code, *y.code))

    def number(self, value: Coefficient) -> Term:
        """An exact number or a free constant."""
        if value == FREE:
            return self.constant
        return self.term("number", whole(value), number_code(value))

    def add(self, x: Term, y: Term) -> Term:
        """The sum, like terms collected."""
        offset, left = as_sum(x)
        other, right = as_sum(y)
        terms = dict(left)
        for term, coefficient in right:
            terms[term] = plus(terms.get(term, 0), coefficient)
        return self.sum_of(plus(offset, other), terms.items())

    def scale(self, x: Term, factor: Coefficient) -> Term:
        """A term times a number; a free constant stays outside of a sum if that is not its own."""
        offset, terms = as_sum(x)
        if factor == FREE and len(terms) + (offset != 0) > 1:
            fixed = [c for c in (offset, *(c for _, c in terms)) if c not in (FREE, 0)]
            if len(fixed) > 1:
                return self._make_sum(0, ((self._primitive(x)[1], FREE),))
        return self.sum_of(times(offset, factor), [(t, times(c, factor)) for t, c in terms])

    def multiply(self, x: Term, y: Term) -> Term:
        """The product, like powers collected."""
        first, left = self.as_product(x)
        second, right = self.as_product(y)
        coefficient = times(first, second)
        if coefficient == 0:
            return self.number(0)
        factors = dict(left)
        for base, exponent in right:
            factors[base] = factors.get(base, 0) + exponent
        return self._product(coefficient, factors)

    def power(self, x: Term, exponent: Number) -> Term:
        """A term to a rational power."""
        exponent = whole(exponent)
        if exponent == 1 or x.kind == "constant":
            return x
        if exponent == 0:
            return self.number(1)
        coefficient, factors = self.as_product(x)
        if coefficient == 0:
            if exponent < 0:
                raise UndefinedError("division by zero")
            return x
        if isinstance(exponent, int):
            return self._product(
                raised(coefficient, exponent), {b: e * exponent for b, e in factors}
            )
        return self._root(coefficient, factors, exponent)

    def _root(self, coefficient: Coefficient, factors: tuple, exponent: Fraction) -> Term:
        """A fractional power: what is surely positive goes outside, the rest stays together."""
        outside: dict[Term, Number] = {}
        inside: dict[Term, Number] = {}
        for base, e in factors:
            if is_function(base, "exp") or isinstance(e, Fraction):
                outside[base] = e * exponent
            elif e % 2 == 0:
                size = function_of(self, "abs", base)
                outside[size] = outside.get(size, 0) + e * exponent
            else:
                inside[base] = e
        root: Coefficient = 1
        if coefficient == FREE:
            root = FREE
        elif coefficient != 1:
            size = abs(coefficient)
            exact = exact_root(size, exponent)
            if coefficient < 0 and not inside:
                raise UndefinedError("root of a negative number")
            if exact is not None:
                root = exact
            else:
                outside[self.number(size)] = exponent
            if coefficient < 0:
                inside = {self._product(-1, inside): 1}
        if len(inside) == 1:
            ((base, e),) = inside.items()
            outside[base] = outside.get(base, 0) + e * exponent
        elif inside:
            outside[self._product(1, inside)] = exponent
        return self._product(root, outside)

    def _primitive(self, x: Term) -> tuple[Number, Term]:
        """The rational factor that all coefficients of a sum share, and the sum without it."""
        offset, terms = x.parts
        coefficients = [c for c in (*(c for _, c in terms), offset) if c != 0]
        fixed = [Fraction(c) for c in coefficients if c != FREE]
        if not fixed:
            return 1, x
        share: Number = -1 if fixed[0] < 0 else 1
        if len(fixed) == len(coefficients):
            above = math.gcd(*(c.numerator for c in fixed))
            share = whole(share * Fraction(above, math.lcm(*(c.denominator for c in fixed))))
        return (1, x) if share == 1 else (share, self.scale(x, Fraction(1) / share))

    def as_product(self, x: Term) -> tuple[Coefficient, tuple[tuple[Term, Number], ...]]:
        """A coefficient and powers of terms whose product it is."""
        if x.kind == "product":
            return 1, x.parts
        if x.kind in ("number", "constant"):
            return (FREE if x.kind == "constant" else x.parts), ()
        if x.kind == "sum":
            offset, terms = x.parts
            if offset == 0 and len(terms) == 1:
                term, coefficient = terms[0]
                return coefficient, self.as_product(term)[1]
            share, primitive = self._primitive(x)
            return share, ((primitive, 1),)
        return 1, ((x, 1),)

    def _is_factor(self, x: Term) -> bool:
        """Whether a product takes it as one factor."""
        if x.kind == "sum":
            offset, terms = x.parts
            return (offset != 0 or len(terms) > 1) and self._primitive(x)[0] == 1
        return x.kind in ("variable", "function", "power")

    def sum_of(self, offset: Coefficient, terms: Iterable[tuple[Term, Coefficient]]) -> Term:
        """A sum of terms, each of them once, that may vanish or be sums themselves."""
        kept = [(t, c) for t, c in terms if c != 0]
        if not kept:
            return self.number(offset)
        if len(kept) == 1 and offset == 0:
            term, coefficient = kept[0]
            if coefficient == 1:
                return term
            if term.kind == "sum" and coefficient != FREE:
                return self.scale(term, coefficient)
        return self._make_sum(offset, tuple(sorted(kept, key=lambda pair: pair[0].order)))

    def _make_sum(self, offset: Coefficient, terms: tuple) -> Term:
        key = ("sum", offset, terms)
        found = self._terms.get(key)
        if found is None:
            codes = [] if offset == 0 else [number_code(offset)]
            codes += [t.code if c == 1 else ("mul", *number_code(c), *t.code) for t, c in terms]
            found = self._terms[key] = Term("sum", (whole(offset), terms), chain("add", codes))
        return found

    def _product(self, coefficient: Coefficient, powers: dict[Term, Number]) -> Term:
        """A product of powers, each base once; bases that became products are opened."""
        kept: list[tuple[Term, Number]] = []
        opened: list[Term] = []
        exponent_of_e: list[Term] = []
        for base, power in powers.items():
            e = whole(power)
            if e == 0:
                continue
            if base.kind == "function" and base.parts[0] == "exp":
                exponent_of_e.append(self.scale(base.parts[1], e))
            elif base.kind == "function" and base.parts[0] == "abs" and e % 2 == 0:
                opened.append(self.power(base.parts[1], e))
            elif isinstance(e, int) and not self._is_factor(base):
                opened.append(self.power(base, e))
            else:
                kept.append((base, e))
        if exponent_of_e:
            exponential = function_of(self, "exp", functools.reduce(self.add, exponent_of_e))
            if is_function(exponential, "exp"):
                kept.append((exponential, 1))
            else:
                opened.append(exponential)
        if not kept:
            result = self.number(coefficient)
        else:
            result = self.scale(self._powers(kept), coefficient)
        for term in opened:
            result = self.multiply(result, term)
        return result

    def _powers(self, factors: list[tuple[Term, Number]]) -> Term:
        if len(factors) == 1 and factors[0][1] == 1:
            return factors[0][0]
        factors.sort(key=lambda pair: pair[0].order)
        key = ("product", *factors)
        found = self._terms.get(key)
        if found is None:
            code = chain("mul", [power_code(base, e) for base, e in factors])
            found = self._terms[key] = Term("product", tuple(factors), code)
        return found

    def term(self, kind: str, parts: Any, code: tuple[str, ...]) -> Term:
        """The one term of this kind and these parts."""
        key = (kind, parts)
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = Term(kind, parts, code)
        return found


_ARITY = {
    **dict.fromkeys((*UNARY, *_SHORT, "neg"), 1),
    **dict.fromkeys((*BINARY, "sub"), 2),
}
