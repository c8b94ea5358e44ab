"""`HaloLaw`: a formula for a number of each halo, as a sum over its neighbors and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jraph
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._check import require
from jaxsym.expr import Expression, parse
from jaxsym.expr.fitting.levenberg_marquardt import Point, levenberg_marquardt
from jaxsym.graphs.halos import HaloNodes, HaloPairs
from jaxsym.graphs.node_networks import NodePrediction, node_network

MESSAGE_VARIABLES = ("r", "w", "M1", "M2", "v1", "v2")
NODE_VARIABLES = ("total", "M1", "v1")
_WIDTH = 0.02  # errors below it count as squares, larger ones as absolute values
_FAR = 1e6


@dataclass(frozen=True)
class HaloLaw:
    """``y_1 = node(total, M1, v1)``, ``total`` being the sum of ``message`` over the neighbors 2.

    Attributes:
      node: in ``total M1 v1``.
      message: in ``r w M1 M2 v1 v2``: distance in Mpc/h, relative speed, masses in 1e14 solar
        masses over h, speeds in 1000 km/s. None if ``node`` has no ``total``.
    """

    node: Expression
    message: Expression | None = None

    def __post_init__(self) -> None:
        parts: list[tuple[str, Expression, tuple[str, ...]]] = [("node", self.node, NODE_VARIABLES)]
        if self.message is not None:
            parts.append(("message", self.message, MESSAGE_VARIABLES))
        for name, expression, known in parts:
            foreign = set(expression.variables) - set(known)
            require(
                not foreign,
                f"{name} has the variables {sorted(foreign)}; expected some of {', '.join(known)}",
            )

    @property
    def complexity(self) -> int:
        """Nodes of both formulas."""
        return self.node.complexity + (0 if self.message is None else self.message.complexity)

    @property
    def constants(self) -> int:
        """How many numbers are fitted."""
        message = () if self.message is None else self.message.constants
        return len(self.node.constants) + len(message)


def _law(node: str, message: str | None = None) -> HaloLaw:
    return HaloLaw(parse(node), None if message is None else parse(message))


# Cranmer et al. 2020 (arXiv 2006.11287), table of overdensity formulas, started near their
# constants; theirs are in units that the paper does not state
PUBLISHED_LAWS = {
    "constant": _law("0.4"),
    "simple": _law("0.1 + (0.05 + 0.001*M1)*total", "Piecewise((M2, 20 > r), (0, True))"),
    "best without mass": _law(
        "-0.2 + total/(1.3 + 0.03*total*v1)", "(1.5 + w)/(20.0 + (0.05*r)**13.0)"
    ),
    "best with mass": _law("-0.16 + total/(3.8 + 0.08*M1)", "(0.44 + M2)/(7.0 + (0.05*r)**20.0)"),
}


def message_columns(
    receiver: HaloNodes, sender: HaloNodes, pair: HaloPairs
) -> Float[Array, "*n 6"]:
    """The columns of `MESSAGE_VARIABLES`."""
    return jnp.stack(
        [
            pair.distance,
            pair.relative_speed,
            receiver.mass,
            sender.mass,
            receiver.speed,
            sender.speed,
        ],
        axis=-1,
    )


def node_columns(total: Float[Array, "*n 1"], halo: HaloNodes) -> Float[Array, "*n 3"]:
    """The columns of `NODE_VARIABLES`."""
    return jnp.stack([total[..., 0], halo.mass, halo.speed], axis=-1)


def halo_law_network(
    law: HaloLaw,
) -> tuple[Callable[[Any, jraph.GraphsTuple], NodePrediction], dict[str, Any]]:
    """The law in the place of message and node function, every constant trainable.

    Returns:
      ``apply(params, graph)`` as of a graph network, and the parameters at the law's constants.

    >>> from jaxsym.graphs.halos import halo_graph
    >>> from jaxsym.simulate.cosmology import Halos
    >>> at = np.array([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]])
    >>> graph = halo_graph(Halos(at, at, np.array([2e14, 1e14])), box=100.0, radius=50.0)
    >>> apply, params = halo_law_network(HaloLaw(parse("1.5 + total*M1"), parse("M2/r")))
    >>> apply(params, graph).value.tolist()
    [2.5, 2.5]
    """
    value, constants = law.node.jax(NODE_VARIABLES)
    params: dict[str, Any] = {"node": constants, "message": np.zeros(0)}
    if law.message is not None:
        carried, params["message"] = law.message.jax(MESSAGE_VARIABLES)

    def message(params, receiver, sender, pair):
        if law.message is None:
            return jnp.zeros((*pair.distance.shape, 1), pair.distance.dtype)
        return carried(message_columns(receiver, sender, pair), params["message"])[..., None]

    def node(params, halo, total):
        return value(node_columns(total, halo), params["node"])

    return node_network(message, node), params


def predict_halos(law: HaloLaw, graph: jraph.GraphsTuple) -> Float[np.ndarray, " H"]:
    """What the law says of each halo, in float64.

    >>> from jaxsym.graphs.halos import halo_graph
    >>> from jaxsym.simulate.cosmology import Halos
    >>> graph = halo_graph(
    ...     Halos(np.zeros((1, 3)), np.zeros((1, 3)), np.array([3e14])), box=9.0, radius=1.0)
    >>> predict_halos(HaloLaw(parse("0.5 + M1")), graph).round(6).tolist()
    [3.5]
    """
    with jax.enable_x64(True):
        apply, params = halo_law_network(law)
        return np.asarray(jax.jit(apply)(params, _double(graph)).value)


class HaloRefit(NamedTuple):
    """A law fitted to data.

    Attributes:
      law: with the fitted constants.
      error: weighted mean of ``|y - y_hat|``.
    """

    law: HaloLaw
    error: float


def refit_halo_law(
    law: HaloLaw,
    graph: jraph.GraphsTuple,
    target: Float[ArrayLike, " N"],
    weight: Float[ArrayLike, " N"],
    *,
    steps: int = 100,
) -> HaloRefit:
    """Fit all constants of both formulas at once, through the sum between them, in float64.

    First least squares, then nearly least absolute errors (pseudo-Huber): what is reported.

    Args:
      law: where to start.
      graph: of halos.
      target: of each halo.
      weight: of each halo; zero leaves it out (it is still a neighbor).
      steps: most evaluations of each of the two fits.

    >>> from jaxsym.graphs.halos import halo_graph
    >>> from jaxsym.simulate.cosmology import Halos
    >>> rng = np.random.default_rng(0)
    >>> halos = Halos(rng.uniform(0, 90, (50, 3)), rng.normal(size=(50, 3)), np.full(50, 2e14))
    >>> graph = halo_graph(halos, box=90.0, radius=40.0)
    >>> count = np.bincount(graph.receivers[graph.edges.distance < 20], minlength=50)
    >>> start = HaloLaw(parse("0.1 + 0.3*total"), parse("Piecewise((1, 20 > r), (0, True))"))
    >>> str(refit_halo_law(start, graph, 2.0 + 0.5 * count, np.ones(50)).law.node)
    '2.0 + 0.5*total'
    """
    with jax.enable_x64(True):
        apply, params = halo_law_network(law)
        inside = _double(graph), jnp.asarray(target, float), jnp.asarray(weight, float)
        sizes = len(params["node"])
        flat = jnp.concatenate([jnp.asarray(params["node"]), jnp.asarray(params["message"])])

        def predict(flat, graph):
            return apply({"node": flat[:sizes], "message": flat[sizes:]}, graph).value

        if len(flat):
            fit = jax.jit(lambda start, width, data: _fit(predict, start, width, data, steps))
            for width in (_FAR, _WIDTH):
                flat = fit(flat, width, inside).constants
        numbers = [float(number) for number in flat]
    message = None if law.message is None else law.message.with_constants(numbers[sizes:])
    fitted = HaloLaw(law.node.with_constants(numbers[:sizes]), message)
    wrong = np.abs(predict_halos(fitted, graph) - np.asarray(target))
    return HaloRefit(fitted, float(np.average(wrong, weights=np.asarray(weight))))


def _fit(predict, start, width, data, steps) -> Point:
    graph, target, weight = data
    share = weight / jnp.sum(weight)

    def residual(flat):
        wrong = jnp.clip(jnp.nan_to_num(predict(flat, graph) - target, nan=_FAR), -_FAR, _FAR)
        # its square is the pseudo-Huber loss: wrong**2 near zero, 2 width |wrong| far away
        bent = wrong * jnp.sqrt(2 / (1 + jnp.sqrt(1 + (wrong / width) ** 2)))
        return bent, bent

    def linearize(flat):
        slopes, values = jax.jacfwd(residual, has_aux=True)(flat)
        slopes = jnp.nan_to_num(slopes, posinf=0.0, neginf=0.0)
        weighted = slopes.T * share
        return Point(flat, share @ values**2, weighted @ slopes, weighted @ values)

    return levenberg_marquardt(linearize, start, steps)


def _double(graph: jraph.GraphsTuple) -> jraph.GraphsTuple:
    wide = lambda tree: jax.tree.map(lambda a: jnp.asarray(a, float), tree)  # noqa: E731
    return jax.tree.map(
        jnp.asarray, graph._replace(nodes=wide(graph.nodes), edges=wide(graph.edges))
    )
