"""Laws as readable text and in LaTeX."""

from __future__ import annotations

from jaxsym.expr import Expression
from jaxsym.laws.particle_law import ParticleLaw


def law_lines(law: ParticleLaw, digits: int = 6) -> list[str]:
    """The equations of motion as readable text.

    Args:
      law: the equations.
      digits: significant digits of the constants.

    >>> from jaxsym.expr import parse
    >>> spring = ParticleLaw(parse("2*(r - 1.00000001)/r"), True, 2, drag=parse("-0.5/m1"))
    >>> for line in law_lines(spring):
    ...     print(line)
    F(1 by 2) = (2*(r - 1.0)/r) d
    a(1) = sum F(1 by 2)/m1 + (-0.5/m1) v1
    """
    symbol = "F" if law.force else "a"
    terms = [f"sum {symbol}(1 by 2){'/m1' if law.force else ''}"]
    if law.drag is not None:
        terms.append(f"({rounded(law.drag, digits)}) v1")
    if law.field:
        terms.append(f"({', '.join(f'{value:.{digits}g}' for value in law.field)})")
    pair = f"{symbol}(1 by 2) = ({rounded(law.coefficient, digits)}) d"
    return [pair, f"a(1) = {' + '.join(terms)}"]


def rounded(expression: Expression, digits: int) -> Expression:
    """The expression with constants of so many significant digits."""
    return expression.with_constants([float(f"{c:.{digits}g}") for c in expression.constants])


def latex(law: ParticleLaw) -> str:
    r"""The law of motion as one LaTeX equation.

    >>> from jaxsym.expr import parse
    >>> latex(ParticleLaw(parse("m2/r**3"), False, 2))
    '\\vec{a}_{1 \\leftarrow 2} = \\frac{m_{2}}{r^{3}}\\,(\\vec{x}_2 - \\vec{x}_1)'
    """
    symbol = r"\vec{F}" if law.force else r"\vec{a}"
    coefficient = law.coefficient.latex()
    if law.coefficient.tokens[0] in ("add", "sub"):
        coefficient = rf"\left({coefficient}\right)"
    return rf"{symbol}_{{1 \leftarrow 2}} = {coefficient}\,(\vec{{x}}_2 - \vec{{x}}_1)"
