"""A process of many trainings: programs of the last few are kept, no more."""

import gc

import jax
import jax.numpy as jnp
import optax

from jaxsym.training import init_state, make_step, train


def one_training() -> None:
    optimizer = optax.sgd(0.1)
    loss = lambda params, batch, key: (jnp.sum((params - batch) ** 2), {})  # noqa: E731
    state = init_state(jnp.ones(3), optimizer, jax.random.key(0))
    batch = lambda key, step, data: jnp.zeros(3)  # noqa: E731
    trained = train(make_step(loss, optimizer), state, batch, steps=2)
    assert jnp.allclose(trained.state.params, 0.8**2)


def programs() -> int:
    gc.collect()
    return len(jax.devices()[0].client.live_executables())


def test_programs_of_many_trainings_do_not_pile_up():
    for _ in range(10):
        one_training()
    after_ten = programs()
    for _ in range(10):
        one_training()
    assert programs() <= after_ten
