"""A graph network that learns energies; forces are their gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import jraph
from jaxtyping import Array, Int

from jaxsym._check import require
from jaxsym.graphs.bodies import Bodies
from jaxsym.graphs.models import (
    MLP,
    GraphModel,
    absolute_inputs,
    moving_inputs,
    own_inputs,
    relative_inputs,
)
from jaxsym.graphs.network import Prediction, same_bodies


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
    pair_inputs, self_inputs = (
        (relative_inputs, moving_inputs) if relative else (absolute_inputs, own_inputs)
    )
    pair_net, self_net = MLP(hidden, 1, activation), MLP(hidden, 1, activation)

    def init(key):
        one = Bodies(
            jnp.ones(dims), jnp.zeros(dims), jnp.ones(()), jnp.zeros(()), jnp.zeros((), int)
        )
        pair_key, self_key = jax.random.split(key)
        return {
            "pair": pair_net.init(pair_key, pair_inputs(one, one)),
            "self": self_net.init(self_key, self_inputs(one)),
        }

    def pair_energy(params, receiver, sender):
        return jnp.asarray(pair_net.apply(params["pair"], pair_inputs(receiver, sender)))[..., 0]

    def self_energy(params, bodies):
        return jnp.asarray(self_net.apply(params["self"], self_inputs(bodies)))[..., 0]

    def message(params, receiver, sender):
        receiver, sender = in_momenta(receiver), in_momenta(sender)

        def energy(position):
            here = receiver._replace(position=position)
            both = pair_energy(params, here, sender) + pair_energy(params, sender, here)
            return jnp.sum(both)

        return -jax.grad(energy)(receiver.position)

    def node(params, bodies, total):
        def energy(position):
            return jnp.sum(self_energy(params, in_momenta(bodies)._replace(position=position)))

        return (total - jax.grad(energy)(bodies.position)) / bodies.mass[..., None]

    def by_node(params, bodies, graph):
        """Energy of each node in momenta: its own and that of its incoming edges."""
        own = self_energy(params, bodies)
        pairs = pair_energy(params, _at(bodies, graph.receivers), _at(bodies, graph.senders))
        return own + jax.ops.segment_sum(pairs, graph.receivers, len(own))

    def energy(params, graph: jraph.GraphsTuple):
        return jnp.sum(by_node(params, in_momenta(graph.nodes), graph))

    def apply(params, graph: jraph.GraphsTuple, key=None):
        del key
        bodies = in_momenta(graph.nodes)

        def total(position, mass, charge):
            moved = bodies._replace(position=position, mass=mass, charge=charge)
            energies = by_node(params, moved, graph)
            return jnp.sum(energies), energies

        slopes, energies = jax.grad(total, (0, 1, 2), has_aux=True)(
            bodies.position, bodies.mass, bodies.charge
        )
        ends = _at(graph.nodes, graph.receivers), _at(graph.nodes, graph.senders)
        messages = message(params, *ends)
        penalty = jnp.mean(energies**2 + slopes[1] ** 2 + slopes[2] ** 2)
        return Prediction(-slopes[0] / bodies.mass[:, None], messages, penalty)

    return GraphModel(
        init, apply, message, node, same_bodies, penalty_weight, third_law=False, energy=energy
    )


def _at(bodies: Bodies, index: Int[Array, " E"]) -> Bodies:
    return jax.tree.map(lambda a: a[index], bodies)


def in_momenta(bodies: Bodies) -> Bodies:
    """The bodies with momenta ``m v`` in the place of velocities.

    >>> one = Bodies(jnp.zeros(2), jnp.ones(2), jnp.array(3.0), jnp.zeros(()), jnp.zeros((), int))
    >>> in_momenta(one).velocity.tolist()
    [3.0, 3.0]
    """
    return bodies._replace(velocity=bodies.mass[..., None] * bodies.velocity)
