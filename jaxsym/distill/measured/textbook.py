"""The textbook forms of pair forces, all of them one formula in which some numbers are fixed.

``f(r) = (a (r + s)^p + b r^q exp(-e r)) exp(-k r)`` with whole p and q holds power laws and
springs, softened or not, Lennard-Jones, Yukawa, Buckingham, Morse. With the others fixed at zero, a
form is a choice of which numbers are free: so all of them share what is compiled for one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import Expression, apply, constant, literal, variable

NAMES = ("a", "s", "p", "b", "q", "e", "k")

# 1/r^7 and 1/r^13 are Lennard-Jones; 1/r^6 and 1/r^4 are what dipoles and induced ones do
_POWERS = (-13, -9, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3)
_SOFTENED = (-4, -3, -2, -1)
_WELLS = (-2, -1, 0)  # powers before two exponentials, of which one falls twice as fast


class Form(NamedTuple):
    """A textbook form.

    Attributes:
      values: of `NAMES`.
      free: those that are fitted.
    """

    values: dict[str, float]
    free: frozenset[str]

    def columns(self, r: Float[np.ndarray, " K"]) -> Float[np.ndarray, "K 2"]:
        """What a and b stand before."""
        v = self.values
        both = np.exp(-v["k"] * r)
        first = (r + v["s"]) ** v["p"] * both
        return np.stack([first, r ** v["q"] * np.exp(-v["e"] * r) * both], axis=-1)

    def softened(self, r: float) -> Form | None:
        """The larger of its two parts at a distance as a softened power; None where none suits.

        Args:
          r: a typical distance; the length that softens starts at a hundredth of it.

        >>> two = _form(-4, "ab", q=-2).moved(a=-0.01, b=1.0)
        >>> str(two.softened(1.0).expression())
        '1.0/(r + 0.01)**2'
        """
        parts = np.abs(self.columns(np.array([r]))[0] * [self.values["a"], self.values["b"]])
        size, power = ("a", "p") if parts[0] >= parts[1] else ("b", "q")
        if self.values[power] not in _SOFTENED:
            return None
        return _form(int(self.values[power]), "as").moved(a=self.values[size], s=0.01 * r)

    def evaluate(self, r: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
        """f(r)."""
        return self.columns(r) @ np.array([self.values["a"], self.values["b"]])

    def moved(self, **values: float) -> Form:
        """With other values."""
        return self._replace(values=self.values | values)

    def expression(self) -> Expression:
        """The shortest way to write it, in ``r``; its constants are the free numbers.

        >>> str(_form(-2, "ab", q=-1).moved(a=2.0, b=-0.5).expression())
        '2.0/r**2 - 0.5/r'
        >>> str(_form(-2, "abk", q=-1).moved(a=2.0, b=3.0, k=0.5).expression())
        'exp(-0.5*r)*(3.0/r + 2.0/r**2)'
        """
        v, free, r = self.values, self.free, variable("r")
        first = _power(v["a"], r + constant(v["s"]) if "s" in free else r, v["p"])
        if "b" not in free:
            return (first * _decay(v["k"]) if "k" in free else first).canonical()
        second = _power(v["b"], r, v["q"])
        if "k" not in free:
            return (first + (second * _decay(v["e"]) if "e" in free else second)).canonical()
        if "e" not in free:
            return ((first + second) * _decay(v["k"])).canonical()
        return (first * _decay(v["k"]) + second * _decay(v["k"] + v["e"])).canonical()


def _power(coefficient: float, base: Expression, power: float) -> Expression:
    return constant(coefficient) * base ** literal(int(power))


def _decay(rate: float) -> Expression:
    return apply("exp", constant(-rate) * variable("r"))


def _form(p: int, free: str, *, q: int = 0) -> Form:
    values = dict.fromkeys(NAMES, 0.0) | {"p": float(p), "q": float(q)}
    return Form(values, frozenset(free))


def textbook_forms(
    rates: Float[np.ndarray, " G"], lengths: Float[np.ndarray, " G"]
) -> Iterable[list[Form]]:
    """All forms, each on a grid of what is not linear in it.

    Args:
      rates: of exponentials.
      lengths: by which distances are softened.
    """
    for p in _POWERS:
        yield [_form(p, "a")]
        yield [_form(p, "ak").moved(k=k) for k in rates]
    for p in _SOFTENED:
        yield [_form(p, "as").moved(s=s) for s in lengths]
    for p, q in itertools.combinations(_POWERS, 2):
        yield [_form(p, "ab", q=q)]
        yield [_form(p, "abk", q=q).moved(k=k) for k in rates]
    for p, q in itertools.product(_POWERS, repeat=2):
        yield [_form(p, "abe", q=q).moved(e=e) for e in rates]
    for p, q in itertools.product(_WELLS, repeat=2):
        yield [_form(p, "abek", q=q).moved(k=k, e=k) for k in rates]


def general(form: Form) -> tuple[Expression, tuple[str, ...]]:
    """The formula that all forms share, with a form's values, and the names of its constants.

    >>> expression, names = general(_form(-2, "a").moved(a=3.0))
    >>> sorted(names), expression.evaluate([[2.0]], ["r"]).tolist()
    (['a', 'b', 'e', 'k', 'p', 'q', 's'], [0.75])
    """
    r = variable("r")
    marks = {name: constant(float(place + 2)) for place, name in enumerate(NAMES)}
    exp = lambda rate: apply("exp", -(rate * r))  # noqa: E731
    first = marks["a"] * (r + marks["s"]) ** marks["p"]
    second = marks["b"] * r ** marks["q"] * exp(marks["e"])
    formula = (first + second) * exp(marks["k"])
    names = tuple(NAMES[int(mark) - 2] for mark in formula.constants)
    return formula.with_constants([form.values[name] for name in names]), names
