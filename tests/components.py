"""Every component as a function of one number, for the tests of JAX's transformations of them.

Each entry builds its function when it is asked for, so that no test pays for another's networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.expr import compile_programs, parse, value_and_jacobian
from jaxsym.expr.fitting.levenberg_marquardt import Point, levenberg_marquardt
from jaxsym.expr.program import differentiable
from jaxsym.graphs import (
    VARIANTS,
    Bodies,
    CentralStart,
    MultiStepNetwork,
    central_network,
    chunked_network,
    graph,
    halo_graph,
    halo_network,
    hamiltonian_network,
    particle_network,
    topology,
)
from jaxsym.mechanics import accelerations
from jaxsym.nesymres import CONFIGS, NeSymReS, decode
from jaxsym.nesymres.model.transformer import init_params
from jaxsym.nesymres.pretraining.examples import Examples
from jaxsym.nesymres.pretraining.objective import make_loss as nesymres_loss
from jaxsym.nesymres.vocabulary import ID, SIZE
from jaxsym.simulate import LAWS, MECHANICAL, mechanical, particles
from jaxsym.simulate.cosmology import Cosmology, Halos, evolve, growth
from jaxsym.syrenets import Architecture, Batch, SymbolicNetwork, Weights
from jaxsym.syrenets import make_loss as syrenets_loss

Component = Callable[[jax.Array], jax.Array]


def law(name: str, substeps: int | None = 1) -> Component:
    """The motion of three bodies, of which one starts a little elsewhere."""
    system = particles(name, bodies=3, dims=2)
    start = system.initial(jax.random.key(0), 1)
    kind = "rk4" if LAWS[name].moves_by_speed else "verlet"

    def motion(x: jax.Array) -> jax.Array:
        state = start._replace(position=start.position.at[0, 0, 0].add(0.1 * x))
        run = system.rollout(state, steps=3, dt=0.01, substeps=substeps, integrator=kind)
        return run.position + run.acceleration

    return motion


def machine(name: str) -> Component:
    """The accelerations of a mechanical system."""
    system = mechanical(name)
    solve = accelerations(system.function(), system.forces)

    def fall(x: jax.Array) -> jax.Array:
        q = 0.3 + 0.1 * x * jnp.arange(1.0, 1 + system.coordinates)
        return solve(q, 0.1 * q, jnp.zeros_like(q))

    return fall


def _moving(params: Any) -> Callable[[jax.Array], Any]:
    """Parameters that x moves along a direction in which all of them change."""
    rng = np.random.default_rng(3)
    ways = jax.tree.map(lambda leaf: 0.1 * rng.normal(size=leaf.shape).astype(np.float32), params)
    return lambda x: jax.tree.map(lambda leaf, way: leaf + x * way, params, ways)


def _bodies(x: jax.Array, dims: int) -> Bodies:
    keys = jax.random.split(jax.random.key(1), 3)
    shape = (1, 4)
    return Bodies(
        jax.random.normal(keys[0], (*shape, dims)) + x * jnp.arange(dims),
        jax.random.normal(keys[1], (*shape, dims)),
        jnp.exp(jax.random.normal(keys[2], shape)) + x**2,
        jnp.ones(shape),
        jnp.broadcast_to(jnp.arange(4), shape),
    )


def network(variant: str) -> Component:
    """The accelerations that a graph network predicts."""
    if variant == "hamiltonian":
        model = hamiltonian_network(2, hidden=(8,))
    else:
        model = particle_network(variant, 2, hidden=(8,))
    params = _moving(model.init(jax.random.key(0)))
    edges = topology(4)
    return lambda x: model.apply(params(x), graph(_bodies(x, 2), edges)).acceleration


def central() -> Component:
    """The network of a force along the line between bodies."""
    start = CentralStart(np.log([1.0, 0.1, 0.01, 2.0]), (0.0, 1.0), 1.0)
    model = central_network(start)
    params = _moving(model.init(jax.random.key(0)))
    edges = topology(4, directed=False)
    return lambda x: model.apply(params(x), graph(_bodies(x, 3), edges)).acceleration


def chunked() -> Component:
    """A network whose messages are made some at a time."""
    apply = chunked_network(
        lambda params, receiver, sender: (
            params * sender.mass[:, None] * (sender.position - receiver.position)
        ),
        lambda params, body, total: total / body.mass[:, None],
        chunk=5,
    )
    edges = topology(4)
    return lambda x: apply(x, graph(_bodies(x, 2), edges)).acceleration


def halos() -> Component:
    """The values of nodes by halo graphs."""
    rng = np.random.default_rng(0)
    mass = 1e14 * np.exp(rng.normal(size=12))
    whole = Halos(rng.uniform(0, 40.0, (12, 3)), 500 * rng.normal(size=(12, 3)), mass)
    nodes = halo_graph(whole, box=40.0, radius=15.0)
    model = halo_network(hidden=(8,), message_size=3)
    params = _moving(model.init(jax.random.key(0), nodes))

    def value(x: jax.Array) -> jax.Array:
        heavier = nodes.nodes._replace(mass=jnp.asarray(nodes.nodes.mass) + x**2)
        return model.apply(params(x), nodes._replace(nodes=heavier)).value

    return value


def multistep() -> Component:
    """A graph network of several steps."""
    edges = topology(4)
    net = MultiStepNetwork(1)

    def chain(x: jax.Array):
        plain = graph(_bodies(x, 2), edges)
        return plain._replace(
            nodes=plain.nodes.position, edges=jnp.ones((len(edges.senders), 1)), globals=None
        )

    params = _moving(jax.jit(net.init)(jax.random.key(0), chain(jnp.zeros(()))))
    return lambda x: net.apply(params(x), chain(x)).nodes


def syrenets() -> Component:
    """The loss of a symbolic network."""
    small = Architecture(inputs=4, heads=2, layers=1, hidden=4, latent=3, head_hidden=4)
    net = SymbolicNetwork(small)
    q, qd, qdd, target = jax.random.normal(jax.random.key(0), (4, 5, 2))
    batch = Batch(q, qd, qdd, target)
    whole = jax.jit(net.init)(jax.random.key(1), jnp.concatenate([q, qd], axis=-1))
    params, loss, key = _moving(whole), syrenets_loss(net, Weights()), jax.random.key(2)

    def value(x: jax.Array) -> jax.Array:
        # its constants are no parameters: the loss keeps gradients from them
        moved = {**params(x), "constants": whole["constants"]}
        return loss(moved, batch._replace(target=target + x), key)[0]

    return value


_TINY = replace(
    CONFIGS["small"], width=16, heads=2, inducing=3, seeds=2, latent_layers=1, decoder_layers=1,
    feedforward=16, length=7,
)  # fmt: skip


def _table(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Points, targets and mask; targets are read bit by bit, so that they move in steps."""
    X = jax.random.normal(jax.random.key(5), (1, 8, 3))
    return X, X.sum(-1) + jnp.round(4 * x) / 4, jnp.ones((1, 8), bool)


def nesymres(part: str) -> Component:
    """Logits, loss or decoded scores of a small network that proposes equations."""
    model = NeSymReS(_TINY)
    params = _moving(init_params(model, jax.random.key(0)))
    tokens = jnp.array([[1, ID["add"], ID["x_1"], ID["x_2"], 2, 0, 0]])
    key = jax.random.key(0)
    if part == "forward":
        return lambda x: model.apply(params(x), *_table(x), tokens)
    if part == "loss":
        loss, seeds = nesymres_loss(model), jnp.zeros((1, 1))
        return lambda x: loss(params(x), Examples(tokens, *_table(x), seeds), key)[0]
    allowed = np.zeros((1, SIZE), bool)
    allowed[0, [ID[name] for name in ("x_1", "c", "sin", "add")]] = True
    return lambda x: decode(model, params(x), *_table(x), allowed, key, beam=3).log_probability


def expression(text: str) -> Component:
    """An expression's values and its derivative by a constant."""
    f, constants = parse(text).jax(["x", "y"])

    def values(x: jax.Array) -> jax.Array:
        table = jnp.stack([jnp.linspace(0.5, 1.5, 4), 1 + x * jnp.arange(4.0)], axis=1)
        return f(table, constants) + jax.jacfwd(f, 1)(table, constants).sum(-1)

    return values


def program(part: str) -> Component:
    """Values of a batch of expressions, or their derivatives by constants."""
    made = compile_programs([parse("1.5*x*sin(y)"), parse("x**2 - 0.5*y")], ["x", "y"])

    def values(x: jax.Array) -> jax.Array:
        table = jnp.stack([jnp.linspace(0.5, 1.5, 4), 1 + x * jnp.arange(4.0)], axis=1)
        if part == "values":
            return differentiable(made)(table, jnp.asarray(made.constants, jnp.float32) + x)
        return value_and_jacobian(made, table)[1].sum(-1)

    return values


def constants() -> Component:
    """The constant that fits data best."""
    X = jnp.linspace(0.5, 1.5, 6)

    def fitted(x: jax.Array) -> jax.Array:
        y = (2 + x) * X

        def linearize(c: jax.Array) -> Point:
            residual = c[0] * X - y
            return Point(
                c, jnp.mean(residual**2), jnp.mean(X * X)[None, None], jnp.mean(residual * X)[None]
            )

        return levenberg_marquardt(linearize, jnp.ones(1), 20).constants

    return fitted


def cosmology() -> Component:
    """Growth of structure, and particles that move in their own gravity."""
    grid = jnp.stack(jnp.meshgrid(*3 * [jnp.arange(2.0)], indexing="ij"), -1).reshape(-1, 3)

    def moved(x: jax.Array) -> jax.Array:
        universe = Cosmology()._replace(omega_m=0.3 + 0.01 * x)
        position, momentum = evolve(
            grid + 0.1 * x * jnp.arange(3.0), 0.01 * grid, mesh=2, box=2.0, cosmology=universe,
            start=0.2, end=0.4, steps=2,
        )  # fmt: skip
        return position + momentum + growth(universe, jnp.array([0.5]))

    return moved


COMPONENTS: dict[str, Callable[[], Component]] = {
    **{f"law {name}": lambda name=name: law(name) for name in LAWS},
    "adaptive steps": lambda: law("spring", substeps=None),
    **{f"machine {name}": lambda name=name: machine(name) for name in MECHANICAL},
    **{f"network {v}": lambda v=v: network(v) for v in (*VARIANTS, "hamiltonian")},
    "network central": central,
    "network chunked": chunked,
    "network halos": halos,
    "network multistep": multistep,
    "syrenets loss": syrenets,
    **{f"nesymres {p}": lambda p=p: nesymres(p) for p in ("forward", "loss", "decode")},
    "expression": lambda: expression("1.5*x**2*sin(y) + (y if x > 1 else 0.5*x)"),
    **{f"program {p}": lambda p=p: program(p) for p in ("values", "derivatives")},
    "constants": constants,
    "cosmology": cosmology,
}
# a search among tokens has no slope, and derivatives of derivatives of programs are not offered
WITHOUT_GRADIENT = {"nesymres decode", "program derivatives"}
FORWARD = {"program values"}  # its loop ends by itself: there is no reverse
INPUTS = np.linspace(0.2, 0.9, 8, dtype=np.float32)
# these run through the code of another component and take longer to compile
LONG = {"machine double-pendulum", "machine chain", "nesymres forward"}
# these too: each is jitted and vmapped, one of a kind is differentiated and pmapped
ALIKE = LONG | {
    *(f"law {name}" for name in LAWS if name not in ("spring", "damped")),
    "network bottleneck", "network l1", "network kl", "network central", "network chunked",
}  # fmt: skip
