"""Several steps of message passing between nodes, edges and whole graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp
import jraph
from jaxtyping import Array

from jaxsym._settings import implicit_broadcasting
from jaxsym.graphs.models import MLP


class MultiStepNetwork(nn.Module):
    """Encode features, pass messages several times, decode (Battaglia et al. 2018, 1806.01261).

    Nodes ``[N, F]``, edges ``[E, Fe]`` or None and globals ``[G, Fg]`` or None become latent
    vectors. In each step an edge sees its ends and its graph, a node the sum of its edges'
    messages, and a graph the sums of its nodes and edges; each adds what it learns to what it was.
    Two nodes that are k edges apart know of each other after k steps. `init` and `apply` are pure;
    pad with `jraph.pad_with_graphs` for one compiled program of many sizes.

    Attributes:
      node_outputs: numbers predicted of each node.
      global_outputs: numbers predicted of each graph.
      steps: of message passing.
      latent: width of the latent vectors.
      hidden: widths of the hidden layers.
      shared: whether all steps have the same weights.
      activation: between the layers.

    >>> import jax
    >>> ring = jraph.GraphsTuple(
    ...     nodes=jnp.eye(4), edges=None, globals=None, senders=jnp.arange(4),
    ...     receivers=(jnp.arange(4) + 1) % 4, n_node=jnp.array([4]), n_edge=jnp.array([4]))
    >>> net = MultiStepNetwork(node_outputs=2, steps=3)
    >>> out, params = jax.jit(net.init_with_output)(jax.random.key(0), ring)
    >>> out.nodes.shape, out.edges.shape, out.globals.shape
    ((4, 2), (4, 32), (1, 1))
    """

    node_outputs: int
    global_outputs: int = 1
    steps: int = 2
    latent: int = 32
    hidden: Sequence[int] = (64,)
    shared: bool = False
    activation: Callable[[Array], Array] = nn.silu

    @nn.compact
    @implicit_broadcasting()
    def __call__(self, graph: jraph.GraphsTuple) -> jraph.GraphsTuple:
        # features that are not there encode to one learned vector
        edges = jnp.ones((len(graph.senders), 1)) if graph.edges is None else graph.edges
        globals_ = jnp.ones((len(graph.n_node), 1)) if graph.globals is None else graph.globals
        state = graph._replace(
            nodes=self._net("encode_nodes")(graph.nodes),
            edges=self._net("encode_edges")(edges),
            globals=self._net("encode_globals")(globals_),
        )
        nets = [self._step_nets(k) for k in range(1 if self.shared else self.steps)]
        for k in range(self.steps):
            state = self._pass(state, *nets[k % len(nets)])
        return state._replace(
            nodes=nn.Dense(self.node_outputs, name="decode_nodes")(state.nodes),
            globals=nn.Dense(self.global_outputs, name="decode_globals")(state.globals),
        )

    def _net(self, name: str) -> MLP:
        return MLP(self.hidden, self.latent, self.activation, name=name)

    def _step_nets(self, k: int) -> tuple[MLP, MLP, MLP]:
        edges, nodes, globals_ = (self._net(f"{of}_{k}") for of in ("edges", "nodes", "globals"))
        return edges, nodes, globals_

    def _pass(self, state, edge_net, node_net, global_net) -> jraph.GraphsTuple:
        joined = lambda *parts: jnp.concatenate(parts, axis=-1)  # noqa: E731
        new = jraph.GraphNetwork(
            update_edge_fn=lambda *ends_and_graph: edge_net(joined(*ends_and_graph)),
            update_node_fn=lambda nodes, _, received, of: node_net(joined(nodes, received, of)),
            update_global_fn=lambda nodes, edges, of: global_net(joined(nodes, edges, of)),
        )(state)
        return state._replace(
            nodes=state.nodes + new.nodes,
            edges=state.edges + new.edges,
            globals=state.globals + new.globals,
        )
