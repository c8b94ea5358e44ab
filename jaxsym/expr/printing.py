"""Text that `parse` and sympy's parser both read back, and LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from jaxsym.expr.operators import ATOM, UNARY, Operator

if TYPE_CHECKING:
    from jaxsym.expr.expression import Expression


class UnsupportedError(ValueError):
    """A formula has a part that the other language cannot say; the message names its head."""


def to_text(expression: Expression) -> str:
    """The expression in Python's syntax, with sympy's names for functions.

    Floats are printed so that they read back to the same bits, and brackets keep the order of
    operations. Euler's number is ``E``; the conditional ``a if x > y else b`` is sympy's
    ``Piecewise((a, x > y), (b, True))``, because sympy cannot read Python's.

    >>> from jaxsym.expr import parse
    >>> to_text(parse("1e-30*x**(-y) - (a if x > 1 else b)"))
    '1e-30*x**-y - Piecewise((a, x > 1), (b, True))'
    """
    text, _ = expression.fold(
        variable=lambda name: (name, ATOM),
        constant=lambda slot: _number(repr(expression.constants[slot])),
        literal=lambda token: _number("E" if token == "e" else token),
        apply=_print,
    )
    return text


def to_latex(expression: Expression, digits: int = 6) -> str:
    """The expression in LaTeX, as sympy typesets it.

    Args:
      digits: significant digits of the constants.

    Raises:
      UnsupportedError: as `jaxsym.expr.sympy_bridge.to_sympy`.

    >>> from jaxsym.expr import parse
    >>> to_latex(parse("6.67430000001*m1*m2/r**2"))
    '\\\\frac{6.6743 m_{1} m_{2}}{r^{2}}'
    """
    formula = expression.sympy()
    rounded = {number: sympy.Float(number, digits) for number in formula.atoms(sympy.Float)}
    try:
        return sympy.latex(formula.xreplace(rounded), full_prec=False)
    except RecursionError as error:
        raise UnsupportedError("a formula nested too deeply for LaTeX") from error


def _number(text: str) -> tuple[str, int]:
    return text, UNARY if text.startswith("-") else ATOM


def _print(operator: Operator, args: list[tuple[str, int]]) -> tuple[str, int]:
    form = operator.form
    if form is None:
        return f"{operator.name}({', '.join(text for text, _ in args)})", ATOM
    texts = (
        text if strength >= least else f"({text})"
        for (text, strength), least in zip(args, form.arguments, strict=True)
    )
    return form.template.format(*texts), form.strength
