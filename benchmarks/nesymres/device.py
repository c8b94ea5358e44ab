"""NeSymReS: examples per second that a device makes and learns from, and how busy that keeps it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn

from jaxsym.nesymres import Bank, NeSymReS, generate_bank, on_device
from jaxsym.nesymres.model.transformer import compute_dtype, init_params
from jaxsym.nesymres.pretraining.objective import make_batches, make_loss, make_optimizer
from jaxsym.nesymres.pretraining.runs import named_run
from jaxsym.training import init_state, make_step

_POINTS, _SKELETONS, _TURNS = 256, 10_000, 20


def measure(
    quick: bool, batch: int, peak: float | None, bank: Bank | None = None
) -> dict[str, float]:
    """Of the small model with its stream.

    Args:
      quick: two turns of a small batch.
      batch: examples of a step.
      peak: TFLOP/s of matrix products that the device can do; without it no utilisation is told.
      bank: skeletons to draw from; by default some are made.
    """
    size, turns = (4, 2) if quick else (batch, _TURNS)
    run = named_run("small")
    stream = replace(run.stream, points=_POINTS)
    data = on_device(bank or generate_bank(run.prior, 100 if quick else _SKELETONS))
    model = NeSymReS(run.model, compute_dtype())
    optimizer = make_optimizer(run.learning_rate, run.warmup)
    draw = jax.jit(make_batches(size, stream, run.model.variables))
    key, loss = jax.random.key(0), make_loss(model)
    state = init_state(init_params(model, key), optimizer, key)
    step = jax.jit(make_step(loss, optimizer))
    making, first = _seconds(lambda: draw(key, jnp.int32(0), data), turns)
    examples = draw(key, jnp.int32(0), data)
    learning, second = _seconds(lambda: step(state, examples), turns)
    work = matrix_flops(jax.grad(lambda p: loss(p, examples, key)[0]), state.params) / 1e12
    found = {
        "examples made per second": size / making,
        "examples learned from per second, once made": size / learning,
        "examples per second of pretraining": size / (making + learning),
        "share of the time that makes examples": making / (making + learning),
        "seconds to compile": first + second,
        "matrix products of a step, TFLOP": work,
        "TFLOP/s in a step": work / learning,
    }
    if peak is not None:
        found["model FLOP utilisation"] = work / learning / peak
    return found


def matrix_flops(function: Callable[..., Any], *arguments: Any) -> int:
    """Multiplications and additions of a function's matrix products.

    >>> matrix_flops(lambda a, b: jax.nn.relu(a @ b), jnp.ones((2, 3)), jnp.ones((3, 5)))
    60
    """
    return sum(map(_flops, products(jax.make_jaxpr(function)(*arguments).jaxpr)))


def products(program: Jaxpr) -> Iterator[JaxprEqn]:
    """All products of matrices in a program and in those that it calls."""
    for equation in program.eqns:
        if equation.primitive.name == "dot_general":
            yield equation
        for inside in jax.tree.leaves(
            list(equation.params.values()), is_leaf=lambda p: isinstance(p, Jaxpr | ClosedJaxpr)
        ):
            if isinstance(inside, Jaxpr | ClosedJaxpr):
                yield from products(inside.jaxpr if isinstance(inside, ClosedJaxpr) else inside)


def _flops(product: JaxprEqn) -> int:
    (contracted, _), _ = product.params["dimension_numbers"]
    inner = math.prod(product.invars[0].aval.shape[axis] for axis in contracted)
    return 2 * inner * math.prod(product.outvars[0].aval.shape)


def _seconds(call: Callable[[], Any], turns: int) -> tuple[float, float]:
    """Of a call, and of the first one, which compiles."""
    began = time.perf_counter()
    jax.block_until_ready(call())
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(turns):
        found = call()
    jax.block_until_ready(found)
    return (time.perf_counter() - began) / turns, first
