"""Laws as readable text and in LaTeX."""

from __future__ import annotations

from jaxsym.expr import Expression
from jaxsym.laws.particle_law import ParticleLaw, Term


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
    >>> swirl = Term("across", parse("q2/r**2"))
    >>> law_lines(ParticleLaw(parse("0"), False, 2, further=(swirl,), order=1))
    ['v(1 by 2) = (q2/r**2) turned(d)', 'v(1) = sum v(1 by 2)']
    """
    rate = "v" if law.order == 1 else "a"
    symbol = "F" if law.force else rate
    own = law.own_terms
    terms = [f"sum {symbol}(1 by 2){'/m1' if law.force else ''}"] if law.pair_terms else []
    terms += [_told(term, digits) for term in own if not _is_field(law, term)]
    if law.field:
        terms.append(f"({', '.join(f'{value:.{digits}g}' for value in law.field)})")
    pairs = " + ".join(_told(term, digits) for term in law.pair_terms)
    lines = [f"{symbol}(1 by 2) = {pairs}"] if pairs else []
    return [*lines, f"{rate}(1) = {' + '.join(terms) or '0'}"]


def _told(term: Term, digits: int) -> str:
    return f"({rounded(term.coefficient, digits)}) {term.kind.symbol}"


def _is_field(law: ParticleLaw, term: Term) -> bool:
    """Whether a constant is among those that all bodies share, which are told together."""
    return term.name.startswith("constant along") and not any(term is t for t in law.further)


def rounded(expression: Expression, digits: int) -> Expression:
    """The expression with constants of so many significant digits."""
    return expression.with_constants([float(f"{c:.{digits}g}") for c in expression.constants])


def latex(law: ParticleLaw) -> str:
    r"""The law of motion as one LaTeX equation.

    >>> from jaxsym.expr import parse
    >>> latex(ParticleLaw(parse("m2/r**3"), False, 2))
    '\\vec{a}_{1 \\leftarrow 2} = \\frac{m_{2}}{r^{3}}\\,(\\vec{x}_2 - \\vec{x}_1)'
    """
    rate = r"\vec{v}" if law.order == 1 else r"\vec{a}"
    symbol = r"\vec{F}" if law.force else rate
    pairs = " + ".join(term_tex(term) for term in law.pair_terms) or "0"
    return rf"{symbol}_{{1 \leftarrow 2}} = {pairs}"


def term_tex(term: Term) -> str:
    r"""A term in LaTeX.

    >>> from jaxsym.expr import parse
    >>> term_tex(Term("drag", parse("-0.5/m1")))
    '- \\frac{0.5}{m_{1}}\\,\\vec{v}_1'
    """
    coefficient = term.coefficient.latex()
    if term.coefficient.tokens[0] in ("add", "sub"):
        coefficient = rf"\left({coefficient}\right)"
    return rf"{coefficient}\,{term.kind.tex}"
