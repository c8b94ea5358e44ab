"""Terms of skeletons, and how they are written."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from jaxsym.nesymres.skeletons.coefficients import FREE, Coefficient, Number, number_code

HALF = Fraction(1, 2)


class Term:
    """One term, made once by an `Algebra`.

    Attributes:
      kind: "number", "constant", "variable", "function", "power", "product" or "sum".
      parts: what it is made of, by kind.
      code: its prefix tokens.
    """

    __slots__ = ("code", "kind", "order", "parts")

    def __init__(self, kind: str, parts: Any, code: tuple[str, ...]):
        self.kind, self.parts, self.code = kind, parts, code
        self.order = (len(code), code)


def as_sum(x: Term) -> tuple[Coefficient, tuple[tuple[Term, Coefficient], ...]]:
    """An offset and terms with coefficients whose sum it is."""
    if x.kind == "sum":
        return x.parts
    if x.kind == "number":
        return x.parts, ()
    return (FREE, ()) if x.kind == "constant" else (0, ((x, 1),))


def is_function(x: Term, name: str) -> bool:
    return x.kind == "function" and x.parts[0] == name


def power_code(base: Term, exponent: Number) -> tuple[str, ...]:
    if exponent == 1:
        return base.code
    if exponent == HALF:
        return "sqrt", *base.code
    return "pow", *base.code, *number_code(exponent)


def chain(head: str, codes: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Codes joined to the right by a binary operator."""
    joined: list[str] = []
    for code in codes[:-1]:
        joined.append(head)
        joined += code
    return *joined, *codes[-1]
