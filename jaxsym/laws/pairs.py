"""What a pair law may depend on: the two bodies' distance, masses and charges."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsym.graphs import Bodies

VARIABLES = ("r", "m1", "m2", "q1", "q2")


def pair_inputs(receiver: Bodies, sender: Bodies) -> tuple[Array, Array]:
    """Displacement ``[..., D]`` from receiver to sender and the columns of `VARIABLES`.

    >>> one = Bodies(jnp.zeros(2), jnp.zeros(2), jnp.ones(()), jnp.zeros(()), jnp.zeros((), int))
    >>> two = one._replace(position=jnp.array([3.0, 4.0]))
    >>> pair_inputs(one, two)[1].tolist()
    [5.0, 1.0, 1.0, 0.0, 0.0]
    """
    displacement = sender.position - receiver.position
    distance = jnp.sqrt(jnp.sum(displacement**2, axis=-1))
    scalars = (distance, receiver.mass, sender.mass, receiver.charge, sender.charge)
    return displacement, jnp.stack(scalars, axis=-1)


def arbitrary_inputs(count: int = 20) -> Float[np.ndarray, "{count} V"]:
    """Points of `VARIABLES` at which a law's symmetries are tested.

    The law is known in closed form, so any points will do.
    """
    return np.random.default_rng(0).uniform(0.5, 2.0, (count, len(VARIABLES)))
