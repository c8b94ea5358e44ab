"""Laws in LaTeX."""

from __future__ import annotations

from jaxsym.laws.particle_law import ParticleLaw


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
