"""Text that `parse` and sympy's parser both read back, and LaTeX."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import sympy

from jaxsym.expr.operators import ATOM, UNARY, Operator
from jaxsym.expr.tokens import NUMBERS

if TYPE_CHECKING:
    from jaxsym.expr.expression import Expression


# Greek letters by the names that sympy typesets: alpha for the letter, Alpha for the capital.
_GREEK = {
    letter: unicodedata.name(letter).split()[-1].lower().replace("lamda", "lambda")
    for letter in "αβγδεζηθικλμνξοπρστυφχψω"
}
_GREEK |= {letter.upper(): name.capitalize() for letter, name in _GREEK.items()}


class UnsupportedError(ValueError):
    """A formula has a part that the other language cannot say; the message names its head."""


def to_text(expression: Expression) -> str:
    """The expression in Python's syntax, with sympy's names for functions.

    Floats are printed so that they read back to the same bits, and brackets keep the order of
    operations. Euler's number is ``E``, and a variable of that name, of the name ``e`` or ``pi`` is
    ``Symbol('E')``, so that it stays one; the conditional ``a if x > y else b`` is sympy's
    ``Piecewise((a, x > y), (b, True))``, because sympy cannot read Python's.

    >>> from jaxsym.expr import parse
    >>> to_text(parse("1e-30*x**(-y) - (a if x > 1 else b)"))
    '1e-30*x**-y - Piecewise((a, x > 1), (b, True))'
    """
    text, _ = expression.fold(
        variable=lambda name: (f"Symbol('{name}')" if name in NUMBERS else name, ATOM),
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
    names = {symbol: _latex_name(symbol.name) for symbol in formula.free_symbols}
    try:
        return sympy.latex(formula.xreplace(rounded), full_prec=False, symbol_names=names)
    except RecursionError as error:
        raise UnsupportedError("a formula nested too deeply for LaTeX") from error


def _latex_name(name: str) -> str:
    r"""A variable in LaTeX: Greek letters by their names, primes as such.

    >>> [_latex_name(name) for name in ("\u03b1_1", "x_prime", "mass_kg", "\u0394x", "lambda_")]
    ['\\alpha_{1}', "{x}'", 'mass_{kg}', '\\Delta x', '\\lambda']
    """
    spelled = name.replace("_prime", "prime").rstrip("_") or name
    if not _GREEK.keys() & set(spelled):
        return sympy.latex(sympy.Symbol(spelled))
    base, *below = spelled.split("_")
    letters = "".join(rf"\{_GREEK[letter]} " if letter in _GREEK else letter for letter in base)
    return letters.strip() + (f"_{{{' '.join(below)}}}" if below else "")


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
