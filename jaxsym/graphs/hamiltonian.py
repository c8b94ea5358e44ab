"""A graph network that learns energies; forces are their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Float, Int, Key

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.bodies import Bodies
from jaxsym.graphs.delivery import Params, Prediction, same_bodies
from jaxsym.graphs.models import (
    MLP,
    GraphModel,
    absolute_inputs,
    moving_inputs,
    own_inputs,
    relative_inputs,
)


def hamiltonian_network(
    dims: int,
    *,
    hidden: Sequence[int] = (300, 300, 300),
    activation: Callable[[Array], Array] = nn.softplus,
    relative: bool = False,
    penalty_weight: float = 1e-6,
) -> GraphModel:
    """The paper's flat Hamiltonian network, FlatHGN (arXiv 2006.11287, section 2.2 and appendix).

    ``H = sum over edges H_pair(i, j) + sum over nodes H_self(i)`` of positions, momenta
    ``p = m v``, charges and masses; ``a_i = -(dH/dq_i) / m_i`` by automatic differentiation. The
    penalty is the mean over the nodes of the squares of a node's energy (its own and that of its
    incoming edges) and of H's derivatives by its charge and mass.

    The model's messages are the forces that it implies, ``-d(H_pair(1, 2) + H_pair(2, 1))/dq_1``,
    so that it is read as the other networks are.

    Args:
      dims: D.
      hidden: widths of the hidden layers of both energies; the default is the original code's.
      activation: smooth, since its derivatives are trained.
      relative: see displacements in place of positions.
      penalty_weight: the default is the original code's.
    Raises:
      ValueError: dims not 2 or 3.

    >>> from jaxsym.graphs.bodies import graph, topology
    >>> model = hamiltonian_network(2, hidden=(8,))
    >>> at = jnp.array([[[0.0, 0.0], [1.0, 0.0]]])
    >>> two = Bodies(at, 0 * at, jnp.ones((1, 2)), jnp.zeros((1, 2)), jnp.array([[0, 1]]))
    >>> model.apply(model.init(jax.random.key(0)), graph(two, topology(2))).messages.shape
    (2, 2)
    """
    require(dims in (2, 3), f"dims is {dims}; expected 2 or 3 coordinates")
    pair_inputs, own = (
        (relative_inputs, moving_inputs) if relative else (absolute_inputs, own_inputs)
    )
    net = MLP(hidden, 1, activation)
    energies = _Energies(dims, net, net, pair_inputs, own)
    return GraphModel(
        energies.init,
        energies.predict,
        energies.force,
        energies.acceleration,
        same_bodies,
        penalty_weight,
        third_law=False,
        energy=energies.total,
    )


@dataclass(frozen=True)
class _Energies:
    """The two energies as networks, and what follows from them; bodies come with velocities.

    Attributes:
      dims: D.
      pair, own: networks of the energies of pairs and of single bodies.
      pair_inputs, own_inputs: what these see of bodies with momenta.
    """

    dims: int
    pair: MLP
    own: MLP
    pair_inputs: Callable[[Bodies, Bodies], Array]
    own_inputs: Callable[[Bodies], Array]

    def init(self, key: Key[Array, ""]) -> Params:
        """Parameters of both networks."""
        zeros, ones = jnp.zeros(self.dims), jnp.ones(self.dims)
        one = Bodies(ones, zeros, jnp.ones(()), jnp.zeros(()), jnp.zeros((), int))
        pair_key, own_key = jax.random.split(key)
        return {
            "pair": self.pair.init(pair_key, self.pair_inputs(one, one)),
            "self": self.own.init(own_key, self.own_inputs(one)),
        }

    @implicit_broadcasting()
    def force(self, params: Params, receiver: Bodies, sender: Bodies) -> Float[Array, "*n D"]:
        """On the receiver: minus the slope of the energies of the pair in both directions."""
        receiver, sender = in_momenta(receiver), in_momenta(sender)

        def energy(position: Array) -> Array:
            here = receiver._replace(position=position)
            both = self._of_pair(params, here, sender) + self._of_pair(params, sender, here)
            return jnp.sum(both)

        return -jax.grad(energy)(receiver.position)

    @implicit_broadcasting()
    def acceleration(
        self, params: Params, bodies: Bodies, total: Float[Array, "*n D"]
    ) -> Float[Array, "*n D"]:
        """By the summed forces of others and the slope of a body's own energy."""

        def energy(position: Array) -> Array:
            return jnp.sum(self._of_one(params, in_momenta(bodies)._replace(position=position)))

        return (total - jax.grad(energy)(bodies.position)) / bodies.mass[..., None]

    def total(self, params: Params, graph: jraph.GraphsTuple) -> Float[Array, ""]:
        """H of all graphs."""
        return jnp.sum(self._by_node(params, in_momenta(graph.nodes), graph))

    @implicit_broadcasting()
    def predict(
        self, params: Params, graph: jraph.GraphsTuple, key: Key[Array, ""] | None = None
    ) -> Prediction:
        """Accelerations, the forces that imply them, and the penalty."""
        del key
        bodies = in_momenta(graph.nodes)

        def total(position: Array, mass: Array, charge: Array) -> tuple[Array, Array]:
            moved = bodies._replace(position=position, mass=mass, charge=charge)
            energies = self._by_node(params, moved, graph)
            return jnp.sum(energies), energies

        slopes, energies = jax.grad(total, (0, 1, 2), has_aux=True)(
            bodies.position, bodies.mass, bodies.charge
        )
        ends = _at(graph.nodes, graph.receivers), _at(graph.nodes, graph.senders)
        messages = self.force(params, *ends)
        penalty = jnp.mean(energies**2 + slopes[1] ** 2 + slopes[2] ** 2)
        return Prediction(-slopes[0] / bodies.mass[:, None], messages, penalty)

    def _by_node(self, params: Params, bodies: Bodies, graph: jraph.GraphsTuple) -> Array:
        """Energy of each node in momenta: its own and that of its incoming edges."""
        own = self._of_one(params, bodies)
        pairs = self._of_pair(params, _at(bodies, graph.receivers), _at(bodies, graph.senders))
        return own + jax.ops.segment_sum(pairs, graph.receivers, len(own))

    def _of_pair(self, params: Params, receiver: Bodies, sender: Bodies) -> Array:
        inputs = self.pair_inputs(receiver, sender)
        return jnp.asarray(self.pair.apply(params["pair"], inputs))[..., 0]

    def _of_one(self, params: Params, bodies: Bodies) -> Array:
        return jnp.asarray(self.own.apply(params["self"], self.own_inputs(bodies)))[..., 0]


def _at(bodies: Bodies, index: Int[Array, " E"]) -> Bodies:
    return jax.tree.map(lambda a: a[index], bodies)


def in_momenta(bodies: Bodies) -> Bodies:
    """The bodies with momenta ``m v`` in the place of velocities.

    >>> one = Bodies(jnp.zeros(2), jnp.ones(2), jnp.array(3.0), jnp.zeros(()), jnp.zeros((), int))
    >>> in_momenta(one).velocity.tolist()
    [3.0, 3.0]
    """
    return bodies._replace(velocity=bodies.mass[..., None] * bodies.velocity)
