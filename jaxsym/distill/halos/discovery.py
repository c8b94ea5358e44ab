"""From halos to a law: a graph network, formulas of its two functions, and their composition."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._random import generator
from jaxsym.distill.halos.law import (
    MESSAGE_VARIABLES,
    NODE_VARIABLES,
    HaloLaw,
    HaloRefit,
    message_columns,
    node_columns,
    refit_halo_law,
)
from jaxsym.expr import Expression, parse
from jaxsym.graphs.halos import halo_network
from jaxsym.graphs.node_networks import (
    NodeModel,
    Pieces,
    node_loss,
    piece_batches,
    pieces,
)
from jaxsym.graphs.pruning import keep_messages
from jaxsym.search import DEFAULT_OPERATORS, ParetoFront, search
from jaxsym.training import init_state, make_step, train

# Of the largest spread: components below it are cut off; under the penalty those that are not
# needed shrink towards zero.
_ALIVE = 0.2
_RATE = 3e-3  # of Adam at the top of a one-cycle schedule
# On messages, before and after the cut: the first silences components, the second only keeps what
# is left from growing without bound.
_PENALTIES = 1.0, 0.1
_CLOSE = 1.02  # the shortest law whose error is within this factor of the best is taken
_LONGEST = 15  # complexity of a formula that is refitted: two of them make one law of thirty
_EXACT = 1e-4  # errors that are nothing: formulas of single-precision networks are no better
_LINE = parse("0.1 + 1.0*total")
# those of the paper, section 3, and powers of their own
_OPERATORS = {
    name: row for name, row in DEFAULT_OPERATORS.items() if name not in ("sin", "cos", "tanh")
}


class HaloNetwork(NamedTuple):
    """A trained network.

    Attributes:
      model: with the messages that were left.
      params: its parameters.
      spreads: standard deviation of each message component before the cut, in falling order.
    """

    model: NodeModel
    params: Any
    spreads: tuple[float, ...]

    def predict(self, graph: jraph.GraphsTuple) -> Float[np.ndarray, " H"]:
        """The target of each halo."""
        return np.asarray(jax.jit(self.model.apply)(self.params, _on_device(graph)).value)


def learn_halos(
    key: Key[Array, ""],
    graph: jraph.GraphsTuple,
    target: Float[ArrayLike, " H"],
    weight: Float[ArrayLike, " H"],
    *,
    steps: tuple[int, int] = (5000, 8000),
    hidden: Sequence[int] = (64, 64),
    message_size: int = 16,
    piece: int = 64,
) -> HaloNetwork:
    """Train with a penalty on messages, cut off those that died, and train the rest.

    Args:
      key: of the start and of the batches.
      graph: of `jaxsym.graphs.halos.halo_graph`; several boxes may be joined.
      target: of each halo.
      weight: of each halo; zero leaves it out of the loss (it is still a neighbor).
      steps: before and after the cut.
      hidden: widths of the layers of both functions.
      message_size: M at the start.
      piece: receivers of a batch.
    Raises:
      ValueError: from `pieces`.

    >>> from jaxsym.graphs.halos import halo_graph
    >>> from jaxsym.simulate.cosmology import Halos
    >>> rng = np.random.default_rng(0)
    >>> halos = Halos(rng.uniform(0, 90, (9, 3)), rng.normal(size=(9, 3)), np.full(9, 2e14))
    >>> graph = halo_graph(halos, box=90.0, radius=40.0)
    >>> found = learn_halos(jax.random.key(0), graph, np.ones(9), np.ones(9), steps=(2, 2), piece=4)
    >>> found.predict(graph).shape
    (9,)
    """
    start_key, first_key, second_key, cut_key = jax.random.split(key, 4)
    seed = np.asarray(jax.random.key_data(cut_key))
    single = [np.asarray(array, np.float32) for array in (target, weight)]
    data = pieces(np.random.default_rng(seed), graph, *single, size=piece)
    options = {"hidden": tuple(hidden)}
    wide = halo_network(message_size=message_size, message_penalty=_PENALTIES[0], **options)
    params = wide.init(start_key, jax.tree.map(lambda a: jnp.asarray(a[0]), data.graph))
    params = _trained(first_key, wide, params, data, steps[0])
    spread = np.std(np.asarray(jax.jit(wide.apply)(params, _on_device(graph)).messages), axis=0)
    alive = np.flatnonzero(spread >= _ALIVE * spread.max())
    model = halo_network(message_size=len(alive), message_penalty=_PENALTIES[1], **options)
    params = _trained(second_key, model, keep_messages(params, alive), data, steps[1])
    return HaloNetwork(model, params, tuple(float(s) for s in np.sort(spread)[::-1]))


def _trained(key: Key[Array, ""], model: NodeModel, params: Any, data: Pieces, steps: int) -> Any:
    optimizer = optax.adam(optax.cosine_onecycle_schedule(max(steps, 2), _RATE))
    state = init_state(params, optimizer, key)
    step = make_step(node_loss(model), optimizer)
    return train(step, state, piece_batches, data, steps=steps, chunk=1000).state.params


class HaloDiscovery(NamedTuple):
    """What was read from a network.

    Attributes:
      refit: the law put together from two formulas, all constants fitted to the data.
      message: formulas of the message component that varies most.
      node: formulas of the network's prediction.
    """

    refit: HaloRefit
    message: ParetoFront
    node: ParetoFront


def read_halo_law(
    key: Key[Array, ""],
    network: HaloNetwork,
    graph: jraph.GraphsTuple,
    target: Float[ArrayLike, " H"],
    weight: Float[ArrayLike, " H"],
    *,
    samples: int = 4000,
    time_limit: float | None = 60.0,
    refit_steps: int = 100,
    tried: int = 4,
) -> HaloDiscovery:
    """Formulas of message and node function, composed, and refitted to the data.

    As in Cranmer et al. 2020 (arXiv 2006.11287, section 5.2): the component of the message that
    varies most is searched as a function of the two halos, the prediction as a function of that
    component's sum and the halo. Of the compositions the shortest is taken whose error, refitted,
    is within 2 % of the best.

    Args:
      key: of the samples and the searches.
      network: of `learn_halos`.
      graph: what it was trained on.
      target: of each halo.
      weight: of each halo; samples are taken where it is positive.
      samples: rows of each search.
      time_limit: seconds of each of the two searches.
      refit_steps: most evaluations of a fit.
      tried: formulas of each front that are put back, the closest of moderate length.
    """
    message_key, node_key, seed_key = jax.random.split(key, 3)
    rng = generator(seed_key)
    messages, nodes, predicted = _tables(network, graph)
    used = np.asarray(weight) > 0
    carried = messages[:, -1]
    rows = _draw(rng, used[np.asarray(graph.receivers)], samples)
    message_front = search(
        messages[rows, :-1],
        carried[rows],
        variables=MESSAGE_VARIABLES,
        key=message_key,
        operators=_OPERATORS,
        time_limit=time_limit,
    )
    rows = _draw(rng, used, samples)
    node_front = search(
        nodes[rows],
        predicted[rows],
        variables=NODE_VARIABLES,
        key=node_key,
        operators=_OPERATORS,
        time_limit=time_limit,
    )
    refit = choose_composition(message_front, node_front, graph, target, weight, steps=refit_steps)
    return HaloDiscovery(refit, message_front, node_front)


def _tables(network, graph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the message's variables and its value, of the node's variables, and predictions."""
    graph = _on_device(graph)
    out = jax.jit(network.model.apply)(network.params, graph)
    messages = np.asarray(out.messages, float)
    carried = messages[:, np.argmax(messages.std(axis=0))]
    receiver = jax.tree.map(lambda a: a[graph.receivers], graph.nodes)
    sender = jax.tree.map(lambda a: a[graph.senders], graph.nodes)
    pairs = np.asarray(message_columns(receiver, sender, graph.edges), float)
    total = np.bincount(np.asarray(graph.receivers), carried, len(out.value))
    columns = np.asarray(node_columns(jnp.asarray(total[:, None]), graph.nodes), float)
    return np.column_stack([pairs, carried]), columns, np.asarray(out.value, float)


def _draw(rng: np.random.Generator, used: np.ndarray, count: int) -> np.ndarray:
    rows = np.flatnonzero(used)
    return rng.choice(rows, min(count, len(rows)), replace=False)


def choose_composition(
    message_front: ParetoFront,
    node_front: ParetoFront,
    graph: jraph.GraphsTuple,
    target: Float[ArrayLike, " H"],
    weight: Float[ArrayLike, " H"],
    *,
    steps: int = 100,
    tried: int = 4,
) -> HaloRefit:
    """The shortest composition whose error, refitted, is within 2 % of the best.

    Args:
      message_front: formulas of a message.
      node_front: formulas of the target in the sum of messages.
      graph: of halos.
      target: of each halo.
      weight: of each halo.
      steps: most evaluations of a fit.
      tried: formulas of each front, the closest of moderate length; every one with every other,
        and with a straight line in the node function's place.
    """

    def closest(front: ParetoFront) -> list[Expression]:
        return [c.expression for c in front if c.complexity <= _LONGEST][-tried:]

    pairs = itertools.product([_LINE, *closest(node_front)], closest(message_front))
    fits = [refit_halo_law(HaloLaw(*pair), graph, target, weight, steps=steps) for pair in pairs]
    best = min(fit.error for fit in fits)
    close = [fit for fit in fits if fit.error <= _CLOSE * best + _EXACT]
    return min(close, key=lambda fit: (fit.law.complexity, fit.error))


def _on_device(graph: jraph.GraphsTuple) -> jraph.GraphsTuple:
    return jax.tree.map(jnp.asarray, graph)
