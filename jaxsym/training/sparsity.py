"""Penalties that make an inner function easy to explain: pure, to be added to any loss.

A network says the same thing in many ways, most of which no formula follows. These bias it towards
ways that one does: few outputs, few inputs, little curvature, no interactions. What an inner
function gives and its derivatives come from the function itself, or from `jaxsym.taps.collect`,
which may be called within a loss and leaves the model as it is.

>>> import jax, jax.numpy as jnp
>>> from jaxsym.taps import collect, tap
>>> def loss(weight, x):
...     model = lambda x: tap("inner", lambda x: weight * x[..., :1] + 0.1 * x[..., 1:], x).sum()
...     value, (calls,) = collect("inner", model, x)
...     return value**2 + 0.01 * l1(calls.outputs) + 0.01 * slopes_l1(calls.slopes)
>>> bool(jnp.isfinite(jax.jit(jax.grad(loss))(2.0, jnp.ones((4, 2)))))
True
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from jaxsym._check import require

_TINY = 1e-12


def l1(values: Float[Array, "*lead k"]) -> Float[Array, ""]:
    """Mean absolute value: outputs that are not needed go to zero.

    The penalty on messages of Cranmer et al. 2020 (arXiv 2006.11287, section 3).

    Args:
      values: what an inner function gives.

    >>> float(l1(jnp.array([[1.0, -3.0]])))
    2.0
    """
    return jnp.mean(jnp.abs(values))


def normal_kl(
    mean: Float[Array, "*lead k"], log_variance: Float[Array, "*lead k"]
) -> Float[Array, ""]:
    """Kullback-Leibler divergence of normal codes from the standard one, a number's mean.

    Outputs that are drawn as ``mean + exp(log_variance / 2) * noise`` pay for what they tell, so
    that those without use become noise (Kingma and Welling 2014, arXiv 1312.6114, appendix B).

    Args:
      mean: of the codes.
      log_variance: logarithm of their variances.

    >>> float(normal_kl(jnp.zeros((2, 3)), jnp.zeros((2, 3))))
    0.0
    """
    return 0.5 * jnp.mean(mean**2 + jnp.exp(log_variance) - log_variance - 1.0)


def use_entropy(values: Float[Array, "*lead k"]) -> Float[Array, ""]:
    """Entropy, in natural units, of how the variance is shared among outputs: 0 for one of them.

    Unlike `l1` it does not depend on the outputs' size, which layers after them can undo.

    Args:
      values: what an inner function gives.

    >>> rows = jnp.array([[1.0, 1.0, 0.0], [-1.0, -1.0, 0.0]])
    >>> round(float(use_entropy(rows)), 3), round(float(use_entropy(rows[:, 1:])), 3)
    (0.693, 0.0)
    """
    flat = values.reshape(-1, values.shape[-1])
    variance = jnp.var(flat, axis=0)
    share = variance / (jnp.sum(variance) + _TINY)
    return jnp.sum(jax.scipy.special.entr(share))


def slopes_l1(slopes: Float[Array, "*lead k V"]) -> Float[Array, ""]:
    """Mean absolute derivative by each input, of which the ones that are not needed go to zero.

    Args:
      slopes: derivatives of outputs by inputs, as `jaxsym.taps.collect` records them. Inputs of
        very different sizes should be scaled first.

    >>> float(slopes_l1(jnp.array([[[2.0, 0.0]]])))
    1.0
    """
    return jnp.mean(jnp.abs(slopes))


def bending(
    function: Callable[[Array], Array],
    inputs: Float[Array, "*lead V"],
    key: Key[Array, ""],
) -> Float[Array, ""]:
    """Mean square of the second derivative along random signs of the inputs: curvature costs.

    Its expectation is that of ``(v^T H v)^2`` over vectors v of random signs.

    Args:
      function: from rows to rows, each by itself.
      inputs: rows.
      key: of the signs.

    >>> x = jnp.ones((5, 2))
    >>> float(bending(lambda x: x @ jnp.ones((2, 1)), x, jax.random.key(0)))
    0.0
    """
    return jnp.mean(_second(function, inputs, key) ** 2)


def interactions(
    function: Callable[[Array], Array],
    inputs: Float[Array, "*lead V"],
    key: Key[Array, ""],
    *,
    draws: int = 4,
) -> Float[Array, ""]:
    """How much inputs act together: zero for sums of functions of single inputs.

    The variance of the second derivative along random signs is twice the sum of the squared mixed
    derivatives (Peebles et al. 2020, arXiv 2008.10599, theorem 1).

    Args:
      function: from rows to rows, each by itself.
      inputs: rows.
      key: of the signs.
      draws: of signs, at least 2.

    Raises:
      ValueError: fewer draws.

    >>> x = jnp.ones((3, 2))
    >>> float(interactions(lambda x: (x**2).sum(-1, keepdims=True), x, jax.random.key(0)))
    0.0
    >>> float(interactions(lambda x: x[:, :1] * x[:, 1:], x, jax.random.key(0), draws=64)) > 3.0
    True
    """
    require(draws >= 2, f"draws is {draws}; expected at least 2")
    keys = jax.random.split(key, draws)
    second = jax.vmap(lambda key: _second(function, inputs, key))(keys)
    return jnp.mean(jnp.var(second, axis=0, ddof=1))


def ramp(steps: int, weight: float, *, start: float = 0.1, end: float = 0.5) -> Callable:
    """A schedule of a penalty's weight: nothing first, then a rise, then ``weight``.

    A network that is charged from the first step may learn that it is cheapest to say nothing.

    Args:
      steps: of the training.
      weight: at the end.
      start: share of the steps without a penalty.
      end: share of the steps after which the weight is full.

    Returns:
      from a step, which may be traced, to the weight; as optax's schedules are.

    Raises:
      ValueError: shares that are not in order.

    >>> schedule = ramp(100, 2.0, start=0.0, end=0.5)
    >>> [float(schedule(step)) for step in (0, 25, 80)]
    [0.0, 1.0, 2.0]
    """
    require(
        0 <= start < end <= 1,
        f"start and end are {start} and {end}; expected 0 <= start < end <= 1",
    )

    def schedule(step: Array | int) -> Array:
        return weight * jnp.clip((step / steps - start) / (end - start), 0.0, 1.0)

    return schedule


def live_outputs(values: Float[Array, "*lead k"], share: float = 0.1) -> Bool[Array, " k"]:
    """Which outputs vary by at least a share of the one that varies most: the rest may be cut off.

    Args:
      values: what an inner function gives.
      share: of the largest standard deviation.

    >>> live_outputs(jnp.array([[1.0, 0.01], [-1.0, 0.0]])).tolist()
    [True, False]
    """
    spread = jnp.std(values.reshape(-1, values.shape[-1]), axis=0)
    return spread >= share * jnp.max(spread)


def _second(
    function: Callable[[Array], Array], inputs: Float[Array, "*lead V"], key: Key[Array, ""]
) -> Float[Array, "*lead k"]:
    """The second derivative along random signs."""
    signs = jax.random.rademacher(key, inputs.shape, inputs.dtype)
    slope = lambda x: jax.jvp(function, (x,), (signs,))[1]  # noqa: E731
    return jax.jvp(slope, (inputs,), (signs,))[1]
