"""Sums of products with coefficients, and short ways to write them.

Fits are linear in library entries, which may themselves be sums. Expanded into products of atoms
(variables, and functions that cannot be expanded), like terms meet, common factors are seen, and a
sum whose terms form a grid is written as a product of two sums with fewer constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from jaxsym.expr import OPERATORS, Expression, Operator, constant, literal, variable
from jaxsym.search.native.library import Library
from jaxsym.search.native.monomials import product
from jaxsym.search.tolerances import SAME

# A product of atoms: (tokens of the atom, exponent), sorted; the empty product is 1.
Product: TypeAlias = tuple[tuple[tuple[str, ...], float], ...]
Polynomial: TypeAlias = Mapping[Product, float]

ONE: Polynomial = {(): 1.0}

_MAX_TERMS = 8
_POWERS = {n: int(r.exponent) for n, r in OPERATORS.items() if r.exponent and r.exponent % 1 == 0}
_ALIKE = 0.3  # relative difference of coefficients' ratios that noise may have caused


def expand(library: Library, entry: int) -> Polynomial:
    """An entry as a polynomial in atoms; as one atom if it would have too many terms."""
    name = library.name(entry)
    if not name:
        factors = zip(library.variables, library.exponents[entry].tolist(), strict=True)
        return {_product({variable(v).tokens: p for v, p in factors}): 1.0}
    parts = [expand(library, child) for child in library.arguments(entry)]
    if name in ("add", "sub"):
        return _sum(parts[0], parts[1], 1.0 if name == "add" else -1.0)
    if name == "mul" and len(parts[0]) * len(parts[1]) <= _MAX_TERMS:
        return _times(*parts)
    if name == "div" and len(parts[1]) == 1:
        return _times(parts[0], _raised(parts[1], -1))
    if name in _POWERS and len(parts[0]) == 1:
        return _raised(parts[0], _POWERS[name])
    return {((library.expression(entry).tokens, 1.0),): 1.0}


def multiply(library: Library, f: int, g: int) -> Polynomial:
    """The product of two entries; one that has too many terms counts as an atom."""
    parts = [expand(library, entry) for entry in (f, g)]
    if len(parts[0]) * len(parts[1]) > _MAX_TERMS:
        parts = [
            {((library.expression(entry).tokens, 1.0),): 1.0} if len(part) > 1 else part
            for entry, part in zip((f, g), parts, strict=True)
        ]
    return _times(*parts)


def combine(features: Sequence[Polynomial], coefficients: Sequence[float]) -> Polynomial:
    """`sum_i coefficients[i] * features[i]`, like terms collected."""
    total: Polynomial = {}
    largest: dict[Product, float] = {}
    for feature, coefficient in zip(features, coefficients, strict=True):
        for term, factor in feature.items():
            largest[term] = max(largest.get(term, 0.0), abs(factor * coefficient))
        total = _sum(total, feature, float(coefficient))
    return {t: c for t, c in total.items() if abs(c) > SAME * largest[t]}


def arrangements(
    polynomial: Polynomial, operators: Mapping[str, Operator] = OPERATORS
) -> Iterator[Expression]:
    """Ways to write a polynomial: with common factors taken out, and as products of sums.

    The products have fewer constants and agree only about; they are to be fitted again.

    Args:
      polynomial: coefficients of products of atoms.
      operators: the table that the atoms' tokens refer to.

    >>> x, y = (("x",), 1.0), (("y",), 1.0)
    >>> [str(e) for e in arrangements({(x,): 2.0, (x, y): 3.0})]
    ['x*(2.0 + 3.0*y)']
    """
    yield _shortest(polynomial, operators)
    yield from _grids(polynomial, operators)


def _shortest(polynomial: Polynomial, table: Mapping[str, Operator]) -> Expression:
    """A polynomial with common factors of all or some of its terms taken out."""
    if len(polynomial) == 1:
        ((term, coefficient),) = polynomial.items()
        return constant(coefficient) * _expression(term, table) if term else constant(coefficient)
    common = _common(list(polynomial))
    if common:
        inner = _shortest({_over(t, common): c for t, c in polynomial.items()}, table)
        return product([*((Expression(atom, (), table), p) for atom, p in common), (inner, 1.0)])
    groups = {
        _shared(polynomial, atom, sign) for t in polynomial for atom, p in t for sign in (1, -1)
    }
    ways = [_split(polynomial, [(term,) for term in polynomial], table)]
    ways += [
        _split(polynomial, [group, tuple(t for t in polynomial if t not in group)], table)
        for group in sorted(groups)
        if 1 < len(group) < len(polynomial)
    ]
    return min(ways, key=lambda way: way.complexity)


def _split(
    polynomial: Polynomial,
    groups: Sequence[tuple[Product, ...]],
    table: Mapping[str, Operator],
) -> Expression:
    parts = [_shortest({t: polynomial[t] for t in group}, table) for group in groups]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _shared(polynomial: Polynomial, atom: tuple[str, ...], sign: int) -> tuple[Product, ...]:
    """The terms that have a power of an atom of that sign."""
    return tuple(t for t in polynomial if sign * dict(t).get(atom, 0.0) > 0)


def _grids(polynomial: Polynomial, table: Mapping[str, Operator]) -> Iterator[Expression]:
    """Products `(sum of terms) * (1 + c v)`: terms fall in pairs of ratio v, alike in factors."""
    terms = list(polynomial)
    if len(terms) < 4 or len(terms) % 2:
        return
    for other in terms[1:]:
        step = _over(other, terms[0])
        firsts, rest = [], set(terms)
        for term in terms:
            if term in rest and _multiplied(term, step) in rest:
                firsts.append(term)
                rest -= {term, _multiplied(term, step)}
        if rest:
            continue
        ratios = np.array([polynomial[_multiplied(t, step)] / polynomial[t] for t in firsts])
        middle = float(np.median(ratios))
        if np.all(np.abs(ratios - middle) <= _ALIKE * abs(middle)):
            first = _shortest({t: polynomial[t] for t in firsts}, table)
            yield first * (literal(1) + constant(middle) * _expression(step, table))


def _expression(term: Product, table: Mapping[str, Operator]) -> Expression:
    return product((Expression(atom, (), table), exponent) for atom, exponent in term)


def _product(factors: Mapping[tuple[str, ...], float]) -> Product:
    return tuple(sorted((atom, power) for atom, power in factors.items() if power))


def _multiplied(a: Product, b: Product) -> Product:
    factors = dict(a)
    for atom, power in b:
        factors[atom] = factors.get(atom, 0.0) + power
    return _product(factors)


def _over(a: Product, b: Product) -> Product:
    return _multiplied(a, tuple((atom, -power) for atom, power in b))


def _common(terms: Sequence[Product]) -> Product:
    """The powers that all terms share, of one sign each."""
    shared = dict(terms[0])
    for term in terms[1:]:
        powers = dict(term)
        both = {atom: (p, powers.get(atom, 0.0)) for atom, p in shared.items()}
        shared = {atom: min(pair, key=abs) for atom, pair in both.items() if pair[0] * pair[1] > 0}
    return _product(shared)


def _sum(a: Polynomial, b: Polynomial, factor: float) -> Polynomial:
    total = dict(a)
    for term, coefficient in b.items():
        total[term] = total.get(term, 0.0) + factor * coefficient
    return total


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    total: dict[Product, float] = {}
    for (s, x), (t, y) in itertools.product(a.items(), b.items()):
        term = _multiplied(s, t)
        total[term] = total.get(term, 0.0) + x * y
    return total


def _raised(a: Polynomial, exponent: float) -> Polynomial:
    ((term, coefficient),) = a.items()
    return {tuple((atom, exponent * p) for atom, p in term): coefficient**exponent}
