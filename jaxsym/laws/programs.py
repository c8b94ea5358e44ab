"""Laws as data, so that one compiled function runs any of them.

Candidates by the dozen are substituted for a network and refitted, and compiling each would take
longer than fitting it: their formulas are instruction lists (`jaxsym.expr.Program`) of one size.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jraph
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxsym._check import require
from jaxsym._indices import power_of_two
from jaxsym.expr import Expression, literal
from jaxsym.expr.program import Numbers, Program, compile_programs, differentiable
from jaxsym.graphs import Prediction
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import OWN_VARIABLES, ParticleLaw, law_network

# instructions and constants that there is room for; longer formulas get the next power of two
_PULL, _DRAG = (32, 8), (8, 2)


class LawProgram(NamedTuple):
    """A `ParticleLaw` as arrays.

    Attributes:
      coefficient: one expression in `VARIABLES`.
      drag: one expression in m1 and q1; zero where there is none.
      force: whether the coefficient is that of a force.
    """

    coefficient: Program
    drag: Program
    force: Bool[Numbers, ""]


def law_program(law: ParticleLaw) -> tuple[LawProgram, dict[str, Any], dict[str, Any]]:
    """The law as data.

    Raises:
      ValueError: terms beside the central one, drag and a field, whose number is not that of
        others.

    Returns:
      the program; its parameters, constants padded with zeros and a field of zeros where there is
      none; and for each entry of the parameters whether the law has it.

    >>> from jaxsym.expr import parse
    >>> program, params, used = law_program(ParticleLaw(parse("2.5*(r - 1.5)/r"), True, 2))
    >>> params["coefficient"].tolist(), int(used["coefficient"].sum())
    ([2.5, 1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 2)
    """
    require(
        not law.further,
        f"the law has a term '{law.further[0].name if law.further else ''}'; expected pulls along "
        "the line, drag and a field alone",
    )
    pull = _compiled(law.coefficient, VARIABLES, *_PULL)
    drag = _compiled(literal(0) if law.drag is None else law.drag, OWN_VARIABLES, *_DRAG)
    params = {
        "coefficient": np.asarray(pull.constants[0]),
        "drag": np.asarray(drag.constants[0]),
        "field": np.asarray(law.field or np.zeros(law.dims)),
    }
    used = {
        "coefficient": np.arange(len(params["coefficient"])) < len(law.coefficient.constants),
        "drag": np.arange(len(params["drag"])) < (len(law.drag.constants) if law.drag else 0),
        "field": np.full(law.dims, bool(law.field)),
    }
    return LawProgram(pull, drag, np.asarray(law.force)), params, used


def program_network(
    program: LawProgram, params: Any, third_law: bool, nodes: jraph.GraphsTuple
) -> Prediction:
    """What `symbolic_network` predicts, the law being an argument."""
    pull, drag = (partial(_values, each) for each in (program.coefficient, program.drag))
    return law_network(pull, drag, force=program.force, third_law=third_law)(params, nodes)


def _compiled(
    expression: Expression, variables: tuple[str, ...], length: int, slots: int
) -> Program:
    instructions = sum(token in expression.operators for token in expression.tokens)
    return compile_programs(
        [expression],
        variables,
        length=power_of_two(instructions, length),
        slots=power_of_two(len(expression.constants), slots),
        operators=expression.operators,
    )


def _values(
    program: Program, inputs: Float[Array, "n V"], constants: Float[Array, " K"]
) -> Float[Array, " n"]:
    return differentiable(program)(inputs, constants[None])[0]
