"""`ParticleLaw`: an equation of motion in closed form, and the graph network that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array

from jaxsym.expr import Expression, constant, literal, variable
from jaxsym.graphs import Bodies, Prediction, interaction_network
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.simplification import simplify

AXES = ("x", "y", "z")
OWN_VARIABLES = ("m1", "q1")

# Edges whose pulls are computed together. With the slopes by all constants one takes about 20 kB in
# double precision (some 32 instructions, 15 numbers each, several copies): these take 0.3 GB.
_EDGES_AT_ONCE = 16_384


@dataclass(frozen=True)
class ParticleLaw:
    """What one body does to another, and what a body does on its own.

    ``a_1 = sum_2 c d [/ m1] + drag v_1 + field`` with ``d = x2 - x1``.

    Attributes:
      coefficient: ``c(r, m1, m2, q1, q2)``.
      force: ``c d`` is a force, so that the node divides by the receiver's mass; otherwise it is
        an acceleration.
      dims: D.
      drag: coefficient of the body's own velocity, a function of m1 and q1; None for none.
      field: an acceleration that all bodies share; empty for none.
    """

    coefficient: Expression
    force: bool
    dims: int
    drag: Expression | None = None
    field: tuple[float, ...] = ()

    @property
    def quantity(self) -> str:
        """What the components are."""
        return "force on 1 by 2" if self.force else "acceleration of 1 by 2"

    @property
    def components(self) -> tuple[Expression, ...]:
        """The pair law's coordinates, in ``dx dy dz r m1 m2 q1 q2``."""
        products = [self.coefficient * variable(f"d{axis}") for axis in AXES[: self.dims]]
        is_sum = self.coefficient.tokens[0] in ("add", "sub")
        return tuple(products if is_sum else (p.canonical() for p in products))

    @property
    def own(self) -> tuple[Expression, ...]:
        """The acceleration of body 1 by itself; empty if there is none."""
        if self.drag is None and not self.field:
            return ()
        drag = self.drag or literal(0)
        field = self.field or (0.0,) * self.dims
        return tuple(
            (drag * variable(f"v{axis}1") + constant(push)).canonical()
            for axis, push in zip(AXES, field, strict=False)
        )

    @property
    def complexity(self) -> int:
        """Nodes of the formulas, once for all coordinates."""
        return (
            self.coefficient.complexity
            + (self.drag.complexity if self.drag is not None else 0)
            + sum(value != 0 for value in self.field)
        )

    def as_acceleration(self) -> ParticleLaw:
        """The same law with the pair part as an acceleration."""
        if not self.force:
            return self
        coefficient = simplify(self.coefficient / variable("m1"))
        return dataclasses.replace(self, coefficient=coefficient, force=False)

    def as_force(self) -> ParticleLaw:
        """The same law with the pair part as a force."""
        if self.force:
            return self
        coefficient = simplify(self.coefficient * variable("m1"))
        return dataclasses.replace(self, coefficient=coefficient, force=True)


def symbolic_network(
    law: ParticleLaw, *, masses: int = 0
) -> tuple[Callable[[Any, jraph.GraphsTuple], Prediction], dict[str, Any]]:
    """The law in the place of message and node function, every constant trainable.

    Args:
      law: the equations.
      masses: N if the bodies' masses are parameters too (their logarithms), else 0. Then a law of
        forces acts on both ends (Newton's third law) of one edge a pair.
    Returns:
      ``apply(params, graph)`` as of a graph network, and the parameters at the law's constants.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import graph, topology
    >>> apply, params = symbolic_network(ParticleLaw(parse("2.0*(r - 1.0)/r"), True, 2))
    >>> at = jnp.array([[[0.0, 0.0], [3.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.ones((1, 2)), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> apply(params, graph(two, topology(2))).acceleration.tolist()
    [[4.0, 0.0], [-4.0, 0.0]]
    """
    pull, constants = law.coefficient.jax(VARIABLES)
    params: dict[str, Any] = {"coefficient": constants}
    drag = None
    if law.drag is not None:
        drag, params["drag"] = law.drag.jax(OWN_VARIABLES)
    if law.field:
        params["field"] = np.asarray(law.field)
    if masses:
        params["log_mass"] = np.zeros(masses)
    return law_network(pull, drag, force=law.force, third_law=masses > 0 and law.force), params


def law_network(
    pull: Callable[[Array, Array], Array],
    drag: Callable[[Array, Array], Array] | None,
    *,
    force: bool | np.ndarray | Array,
    third_law: bool,
) -> Callable[[Any, jraph.GraphsTuple], Prediction]:
    """``apply(params, graph)`` of a law whose formulas are functions of columns and constants.

    Args:
      pull: of `VARIABLES` and ``params["coefficient"]``, for each edge.
      drag: of `OWN_VARIABLES` and ``params["drag"]``, for each body; None for none.
      force: whether the pull is that of a force.
      third_law: one edge a pair, which acts on both ends.
    """

    def bodies(params, given):
        if "log_mass" not in params:
            return given
        return given._replace(mass=jnp.exp(params["log_mass"][given.label]))

    def message(params, receiver: Bodies, sender: Bodies):
        displacement, inputs = pair_inputs(receiver, sender)
        return pull(inputs, params["coefficient"])[..., None] * displacement

    def node(params, bodies: Bodies, total):
        acceleration = total / jnp.where(force, bodies.mass, 1.0)[..., None]
        if drag is not None:
            own = jnp.stack([bodies.mass, bodies.charge], axis=-1)
            acceleration += drag(own, params["drag"])[..., None] * bodies.velocity
        return acceleration + params.get("field", 0.0)

    return interaction_network(
        message, node, bodies=bodies, third_law=third_law, edges_at_once=_EDGES_AT_ONCE
    )


def with_parameters(law: ParticleLaw, params: dict[str, Any]) -> ParticleLaw:
    """The law with constants taken from the parameters of its network."""
    drag = None if law.drag is None else law.drag.with_constants([float(c) for c in params["drag"]])
    return dataclasses.replace(
        law,
        coefficient=law.coefficient.with_constants([float(c) for c in params["coefficient"]]),
        drag=drag,
        field=tuple(float(c) for c in params.get("field", ())),
    )
