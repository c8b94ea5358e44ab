"""Models of users: what they were trained on, and the truth that is to be found in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from benchmarks.parts.training import trained
from jaxsym import tap

_BODIES, _NEAREST = 4, 0.3
_TO, _FROM = np.array([(i, j) for i in range(_BODIES) for j in range(_BODIES) if i != j]).T


class Case(NamedTuple):
    """A trained model and what is asked of `jaxsym.symbolify`.

    Attributes:
      apply: the model.
      params: its parameters.
      data: what candidates are fitted to.
      held_out: for the verdict.
      outside: data unlike the training's.
      loss: of a prediction.
      asked: further arguments.
      truth: what the part computes where it has learned all, as a function of its columns.
    """

    apply: Callable[[Any, Any], Any]
    params: Any
    data: Any
    held_out: Any
    outside: Any
    loss: Callable[[Any, Any], Any]
    asked: Mapping[str, Any]
    truth: Callable[[np.ndarray], np.ndarray]


class MLP(nn.Module):
    """A plain network.

    Attributes:
      outputs: how many numbers it gives.
      width: of its layers.
      layers: how many hidden ones.
    """

    outputs: int
    width: int = 64
    layers: int = 3
    activation: Callable[[Any], Any] = nn.silu

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for _ in range(self.layers):
            x = self.activation(nn.Dense(self.width)(x))
        return nn.Dense(self.outputs)(x)


class Messages(nn.Module):
    """Accelerations as sums of messages over masses; nothing of it knows of forces."""

    @nn.compact
    def __call__(self, position: Any, own: Any) -> Any:
        messages = MLP(2, name="message")(pair_columns(position, own))
        summed = jnp.zeros_like(position).at[..., _TO, :].add(messages)
        return summed / own[..., :1]


def pair_columns(position: Any, own: Any) -> Any:
    """dx, dy, r, and what is known of receiver and sender, for each pair."""
    d = position[..., _FROM, :] - position[..., _TO, :]
    r = jnp.linalg.norm(d, axis=-1, keepdims=True)
    return jnp.concatenate([d, r, own[..., _TO, :], own[..., _FROM, :]], axis=-1)


# by name: the force on the receiver, of columns dx dy r m1 q1 m2 q2
FORCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spring": lambda x: (
        (1.7 * x[..., 3] * x[..., 5] * (1.0 - 1.2 / x[..., 2]))[..., None] * x[..., :2]
    ),
    "r2": lambda x: (1.7 * x[..., 3] * x[..., 5] / x[..., 2] ** 3)[..., None] * x[..., :2],
    "charge": lambda x: (-1.7 * x[..., 4] * x[..., 6] / x[..., 2] ** 3)[..., None] * x[..., :2],
}


def states(law: str, seed: int, count: int, width: float = 1.5) -> tuple[np.ndarray, ...]:
    """Positions, masses and charges of bodies that are not too near, and their accelerations."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-width, width, (3 * count, _BODIES, 2))
    own = np.stack(
        [rng.uniform(0.5, 2.0, position.shape[:2]), rng.choice([-1.0, 1.0], position.shape[:2])],
        axis=-1,
    )
    columns = np.asarray(pair_columns(position, own))
    kept = np.flatnonzero(columns[..., 2].min(axis=1) > _NEAREST)[:count]
    position, own, columns = position[kept], own[kept], columns[kept]
    acceleration = np.zeros_like(position)
    np.add.at(acceleration.swapaxes(0, 1), _TO, FORCES[law](columns).swapaxes(0, 1))
    acceleration /= own[..., :1]
    return tuple(a.astype(np.float32) for a in (position, own, acceleration))


def _absolute(prediction: Any, batch: Any) -> Any:
    return jnp.abs(prediction - batch[-1]).mean()


def _drawn(data: Any, key: jax.Array) -> Any:
    """A batch of states."""
    return jax.tree.map(
        lambda a: jnp.asarray(a)[jax.random.randint(key, (128,), 0, len(data[0]))], data
    )


def particles(law: str, seed: int, quick: bool) -> Case:
    """A graph network in plain Flax on pairwise forces."""
    data = states(law, 10 * seed, 60 if quick else 4000)
    net = Messages()
    apply = lambda params, batch: net.apply(params, *batch[:2])  # noqa: E731
    params = trained(
        lambda params, batch: _absolute(apply(params, batch), batch),
        net.init(jax.random.key(seed), *data[:2]),
        partial(_drawn, data),
        steps=20 if quick else 4000,
        seed=seed,
    )
    tests = [states(law, 10 * seed + k, 40 if quick else 400, w) for k, w in ((1, 1.5), (2, 2.5))]
    few = jax.tree.map(lambda a: a[:400], data)
    asked = {"part": "message", "inputs": ("dx", "dy", "r", "m1", "q1", "m2", "q2")}
    return Case(apply, params, few, *tests, _absolute, asked, FORCES[law])


def equinox_particles(law: str, seed: int, quick: bool) -> Case:
    """The same in Equinox."""
    import equinox as eqx

    class Model(eqx.Module):
        message: eqx.nn.MLP

        def __call__(self, position: Any, own: Any) -> Any:
            each = jax.vmap(jax.vmap(self.message))(pair_columns(position, own))
            return jnp.zeros_like(position).at[..., _TO, :].add(each) / own[..., :1]

    data = states(law, 10 * seed, 60 if quick else 4000)
    net = Model(eqx.nn.MLP(7, 2, 64, 3, activation=jax.nn.silu, key=jax.random.key(seed)))
    arrays, rest = eqx.partition(net, eqx.is_array)
    arrays = trained(
        lambda arrays, batch: _absolute(eqx.combine(arrays, rest)(*batch[:2]), batch),
        arrays,
        partial(_drawn, data),
        steps=20 if quick else 4000,
        seed=seed,
    )
    tests = [states(law, 10 * seed + k, 40 if quick else 400, w) for k, w in ((1, 1.5), (2, 2.5))]
    few = jax.tree.map(lambda a: a[:400], data)
    asked = {
        "where": lambda model: model.message,
        "inputs": ("dx", "dy", "r", "m1", "q1", "m2", "q2"),
    }
    return Case(
        lambda model, batch: model(*batch[:2]),
        eqx.combine(arrays, rest),
        few,
        *tests,
        _absolute,
        asked,
        FORCES[law],
    )


def heat(seed: int, quick: bool) -> Case:
    """A physics-informed network: u_t = 0.3 u_xx with few noisy sensors; derivatives of a tap."""
    kappa, noise = 0.3, 0.01
    truth = lambda x: (np.exp(-kappa * np.pi**2 * x[..., 0]) * np.sin(np.pi * x[..., 1]))[..., None]  # noqa: E731

    def sensors(seed: int, count: int, until: float) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(seed)
        at = rng.uniform([0.0, 0.0], [until, 1.0], (count, 2)).astype(np.float32)
        seen = truth(at)[:, 0] + noise * rng.normal(size=count)
        inside = rng.uniform([0.0, 0.0], [until, 1.0], (count, 2)).astype(np.float32)
        return at, inside, seen.astype(np.float32)

    net = MLP(1, width=32, activation=jnp.tanh)

    def apply(params: Any, batch: Any) -> dict[str, Any]:
        def u(x: Any) -> Any:
            return tap("u", lambda x: net.apply(params["net"], x), x)[0]

        def left(x: Any) -> Any:
            rate = jax.grad(u)(x)[0]
            return rate - params["kappa"] * jax.hessian(u)(x)[1, 1]

        return {"seen": jax.vmap(u)(batch[0]), "equation": jax.vmap(left)(batch[1])}

    def loss(prediction: dict[str, Any], batch: Any) -> Any:
        seen = jnp.mean((prediction["seen"] - batch[2]) ** 2)
        return seen + 0.1 * jnp.mean(prediction["equation"] ** 2)

    data = sensors(10 * seed, 200, 1.0)
    params = {"net": net.init(jax.random.key(seed), data[0][0]), "kappa": jnp.asarray(0.1)}
    params = trained(
        lambda params, batch: loss(apply(params, batch), batch),
        params,
        lambda key: jax.tree.map(jnp.asarray, data),
        steps=20 if quick else 2000,
        seed=seed,
    )
    tests = sensors(10 * seed + 1, 400, 1.0), sensors(10 * seed + 2, 400, 1.5)
    asked = {"part": "u", "inputs": ("t", "x")}
    return Case(apply, params, data, *tests, loss, asked, truth)


def neural_ode(seed: int, quick: bool) -> Case:
    """A network as the right-hand side of an ODE, trained through its integration."""
    step, length = 0.1, 8
    truth = lambda s: np.stack(  # noqa: E731
        [s[..., 0] * (1.3 - 0.9 * s[..., 1]), s[..., 1] * (0.8 * s[..., 0] - 1.8)], axis=-1
    )

    def integrated(rates: Callable[[Any], Any], start: Any) -> Any:
        def turn(state: Any, _: Any) -> tuple[Any, Any]:
            a = rates(state)
            b = rates(state + 0.5 * step * a)
            c = rates(state + 0.5 * step * b)
            d = rates(state + step * c)
            state = state + step / 6.0 * (a + 2.0 * b + 2.0 * c + d)
            return state, state

        return jax.lax.scan(turn, start, None, length=length)[1]

    def pieces(seed: int, count: int, low: float, high: float) -> tuple[np.ndarray, ...]:
        start = np.random.default_rng(seed).uniform(low, high, (count, 2)).astype(np.float32)
        rates = lambda s: jnp.stack(  # noqa: E731
            [s[..., 0] * (1.3 - 0.9 * s[..., 1]), s[..., 1] * (0.8 * s[..., 0] - 1.8)], axis=-1
        )
        return start, np.asarray(integrated(rates, start))

    net = MLP(2, width=64)

    def apply(params: Any, batch: Any) -> Any:
        rates = lambda state: tap("rates", lambda s: net.apply(params, s), state)  # noqa: E731
        return integrated(rates, batch[0])

    def loss(prediction: Any, batch: Any) -> Any:
        return jnp.mean((prediction - batch[1]) ** 2)

    data = pieces(10 * seed, 20 if quick else 300, 0.3, 4.0)
    params = trained(
        lambda params, batch: loss(apply(params, batch), batch),
        net.init(jax.random.key(seed), data[0]),
        lambda key: jax.tree.map(jnp.asarray, data),
        steps=20 if quick else 3000,
        seed=seed,
    )
    tests = pieces(10 * seed + 1, 100, 0.3, 4.0), pieces(10 * seed + 2, 100, 4.0, 5.0)
    asked = {"part": "rates", "inputs": ("prey", "predators")}
    return Case(apply, params, data, *tests, loss, asked, truth)


CASES: dict[str, Callable[[int, bool], Case]] = {
    **{law: (lambda seed, quick, law=law: particles(law, seed, quick)) for law in FORCES},
    "equinox spring": lambda seed, quick: equinox_particles("spring", seed, quick),
    "heat equation": heat,
    "neural ODE": neural_ode,
}
