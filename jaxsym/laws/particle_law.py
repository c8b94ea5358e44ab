"""`ParticleLaw`: a sum of terms in closed form, and the graph network that it makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array

from jaxsym._check import require, unknown_name
from jaxsym.expr import Expression, constant, literal, variable
from jaxsym.graphs import Bodies, Prediction, interaction_network
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.simplification import simplify
from jaxsym.terms import AXES, KINDS, Kind

OWN_VARIABLES = ("m1", "q1")

# Edges whose pulls are computed together. With the slopes by all constants one takes about 20 kB in
# double precision (some 32 instructions, 15 numbers each, several copies): these take 0.3 GB.
_EDGES_AT_ONCE = 16_384


@dataclass(frozen=True)
class Term:
    """A vector that turns with the coordinates, times a formula in what does not change.

    Attributes:
      name: of a kind in `jaxsym.terms.KINDS`, which has the vector.
      coefficient: in ``r m1 m2 q1 q2`` for a pair's term, in ``m1 q1`` for a body's own.

    Raises:
      ValueError: a name that is no kind of term.

    >>> from jaxsym.expr import parse
    >>> [str(part) for part in Term("across", parse("2/r")).components(2)]
    ['-2*dy/r', '2*dx/r']
    """

    name: str
    coefficient: Expression

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise unknown_name("kind of term", self.name, KINDS)

    @property
    def kind(self) -> Kind:
        """The row of the table."""
        return KINDS[self.name]

    def components(self, dims: int) -> tuple[Expression, ...]:
        """By coordinates, in ``dx dvx`` or ``x1 vx1`` and so on."""
        return tuple((self.coefficient * part).canonical() for part in self.kind.components(dims))


@dataclass(frozen=True)
class ParticleLaw:
    """A sum of terms: what one body does to another, and what a body does on its own.

    ``a_1 = sum_2 (c d + ...) [/ m1] + drag v_1 + field + ...`` with ``d = x2 - x1``. The terms of
    central laws have names of their own, further ones are in a list; `terms` has all of them.

    Attributes:
      coefficient: ``c(r, m1, m2, q1, q2)`` of the pull along the line; zero where there is none.
      force: pairs' terms are forces, so that the node divides by the receiver's mass; otherwise
        they are accelerations.
      dims: D.
      drag: coefficient of the body's own velocity, a function of m1 and q1; None for none.
      field: an acceleration that all bodies share; empty for none.
      further: all other terms, those of pairs before those of bodies alone.
      order: 2 if terms add up to accelerations; 1 if to velocities, as of vortices.

    >>> from jaxsym.expr import parse
    >>> law = ParticleLaw(parse("2/r"), True, 2, further=(Term("trap", parse("-0.5/m1")),))
    >>> [(term.name, str(term.coefficient)) for term in law.terms]
    [('central', '2/r'), ('trap', '-0.5/m1')]
    """

    coefficient: Expression
    force: bool
    dims: int
    drag: Expression | None = None
    field: tuple[float, ...] = ()
    further: tuple[Term, ...] = ()
    order: int = 2

    def __post_init__(self) -> None:
        require(self.order in (1, 2), f"order is {self.order}; expected 1 or 2")

    @property
    def rate(self) -> str:
        """What the terms add up to."""
        return "velocity" if self.order == 1 else "acceleration"

    @property
    def form(self) -> tuple:
        """What stays the same when constants change."""
        further = tuple((term.name, term.coefficient.tokens) for term in self.further)
        drag = self.drag and self.drag.tokens
        return (self.coefficient.tokens, drag, len(self.field), further, self.force, self.order)

    @property
    def quantity(self) -> str:
        """What the components are."""
        return "force on 1 by 2" if self.force else f"{self.rate} of 1 by 2"

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms, those between pairs first."""
        return (*self.pair_terms, *self.own_terms)

    @property
    def pair_terms(self) -> tuple[Term, ...]:
        """What one body does to another; the pull along the line first."""
        central = () if is_zero(self.coefficient) else (Term("central", self.coefficient),)
        return (*central, *(term for term in self.further if term.kind.between))

    @property
    def own_terms(self) -> tuple[Term, ...]:
        """What a body does by itself."""
        drag = () if self.drag is None else (Term("drag", self.drag),)
        field = (
            Term(f"constant along {axis}", constant(push))
            for axis, push in zip(AXES, self.field, strict=False)
            if push
        )
        return (*drag, *field, *(term for term in self.further if not term.kind.between))

    @property
    def components(self) -> tuple[Expression, ...]:
        """The pair law's coordinates, in ``dx dy dz r m1 m2 q1 q2`` and ``dvx dvy dvz``."""
        products = [self.coefficient * variable(f"d{axis}") for axis in AXES[: self.dims]]
        if any(term.kind.between for term in self.further):
            return _summed(self.pair_terms, self.dims)
        is_sum = self.coefficient.tokens[0] in ("add", "sub")
        return tuple(products if is_sum else (p.canonical() for p in products))

    @property
    def own(self) -> tuple[Expression, ...]:
        """What body 1 does by itself, by coordinates; empty if there is nothing."""
        return _summed(self.own_terms, self.dims) if self.own_terms else ()

    @property
    def complexity(self) -> int:
        """Nodes of the formulas, once for all coordinates."""
        return (
            self.coefficient.complexity
            + (self.drag.complexity if self.drag is not None else 0)
            + sum(value != 0 for value in self.field)
            + sum(1 + term.coefficient.complexity for term in self.further)
        )

    def as_acceleration(self) -> ParticleLaw:
        """The same law with the pair part as an acceleration."""
        return self._times(1 / variable("m1"), False) if self.force else self

    def as_force(self) -> ParticleLaw:
        """The same law with the pair part as a force."""
        return self if self.force else self._times(variable("m1"), True)

    def _times(self, factor: Expression, force: bool) -> ParticleLaw:
        further = tuple(
            dataclasses.replace(term, coefficient=simplify(term.coefficient * factor))
            if term.kind.between
            else term
            for term in self.further
        )
        coefficient = simplify(self.coefficient * factor)
        return dataclasses.replace(self, coefficient=coefficient, force=force, further=further)

    def without(self, term: Term) -> ParticleLaw:
        """The law with one of its terms left out."""
        match term.name:
            case "central":
                return dataclasses.replace(self, coefficient=literal(0))
            case "drag" if term.coefficient is self.drag:
                return dataclasses.replace(self, drag=None)
            case name if name.startswith("constant along") and self.field:
                axis = AXES.index(name[-1])
                kept = tuple(0.0 if k == axis else push for k, push in enumerate(self.field))
                return dataclasses.replace(self, field=kept if any(kept) else ())
        return dataclasses.replace(self, further=tuple(t for t in self.further if t is not term))


def is_zero(expression: Expression) -> bool:
    """Whether a coefficient is exactly zero, so that there is no such term."""
    return expression.tokens == ("0",)


def _summed(terms: Sequence[Term], dims: int) -> tuple[Expression, ...]:
    parts = [term.components(dims) for term in terms] or [(literal(0),) * dims]
    return tuple(sum(axis[1:], axis[0]).canonical() for axis in zip(*parts, strict=True))


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
    further = []
    if law.further:
        made = [
            t.coefficient.jax(VARIABLES if t.kind.between else OWN_VARIABLES) for t in law.further
        ]
        further = [(t.kind, size) for t, (size, _) in zip(law.further, made, strict=True)]
        params["further"] = tuple(constants for _, constants in made)
    if masses:
        params["log_mass"] = np.zeros(masses)
    third_law = masses > 0 and law.force
    return law_network(pull, drag, further, force=law.force, third_law=third_law), params


def law_network(
    pull: Callable[[Array, Array], Array],
    drag: Callable[[Array, Array], Array] | None,
    further: Sequence[tuple[Kind, Callable[[Array, Array], Array]]] = (),
    *,
    force: bool | np.ndarray | Array,
    third_law: bool,
) -> Callable[[Any, jraph.GraphsTuple], Prediction]:
    """``apply(params, graph)`` of a law whose formulas are functions of columns and constants.

    Args:
      pull: of `VARIABLES` and ``params["coefficient"]``, for each edge.
      drag: of `OWN_VARIABLES` and ``params["drag"]``, for each body; None for none.
      further: kinds of terms and their coefficients, with the constants of ``params["further"]``.
      force: whether the pull is that of a force.
      third_law: one edge a pair, which acts on both ends.
    """

    def bodies(params, given):
        if "log_mass" not in params:
            return given
        return given._replace(mass=jnp.exp(params["log_mass"][given.label]))

    def message(params, receiver: Bodies, sender: Bodies):
        displacement, inputs = pair_inputs(receiver, sender)
        total = pull(inputs, params["coefficient"])[..., None] * displacement
        relative = sender.velocity - receiver.velocity
        return total + sum_of(params, True, inputs, displacement, relative)

    def sum_of(params, between, inputs, *ends):
        return sum(
            size(inputs, params["further"][k])[..., None] * kind.vector(*ends)
            for k, (kind, size) in enumerate(further)
            if kind.between is between
        )

    def node(params, bodies: Bodies, total):
        acceleration = total / jnp.where(force, bodies.mass, 1.0)[..., None]
        own = jnp.stack([bodies.mass, bodies.charge], axis=-1)
        if drag is not None:
            acceleration += drag(own, params["drag"])[..., None] * bodies.velocity
        acceleration += sum_of(params, False, own, bodies.position, bodies.velocity)
        return acceleration + params.get("field", 0.0)

    return interaction_network(
        message, node, bodies=bodies, third_law=third_law, edges_at_once=_EDGES_AT_ONCE
    )


def with_parameters(law: ParticleLaw, params: dict[str, Any]) -> ParticleLaw:
    """The law with constants taken from the parameters of its network."""
    drag = None if law.drag is None else law.drag.with_constants([float(c) for c in params["drag"]])
    further = tuple(
        dataclasses.replace(
            term, coefficient=term.coefficient.with_constants(np.asarray(c).tolist())
        )
        for term, c in zip(law.further, params.get("further", ()), strict=True)
    )
    return dataclasses.replace(
        law,
        coefficient=law.coefficient.with_constants([float(c) for c in params["coefficient"]]),
        drag=drag,
        field=tuple(float(c) for c in params.get("field", ())),
        further=further,
    )
