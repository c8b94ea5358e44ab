"""Parts of modules as taps: linen by path, NNX and Equinox by attribute."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsym.taps import collect, exposed, replacing, seen_names
from jaxsym.taps.modules import with_tap

X = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)


class Inner(nn.Module):
    @nn.compact
    def __call__(self, x, scale: float = 1.0):
        return nn.Dense(2)(nn.silu(nn.Dense(4)(x))) * scale


class Outer(nn.Module):
    @nn.compact
    def __call__(self, x):
        inner = nn.vmap(Inner, variable_axes={"params": None}, split_rngs={"params": False})
        y = inner(name="inner")(x)
        return nn.remat(nn.Dense)(1, name="last")(y)[..., 0]


@pytest.fixture(scope="module")
def model():
    net = Outer()
    return net.apply, net.init(jax.random.key(0), X)


def test_linen_modules_are_taps_of_their_paths(model):
    apply, params = model
    compiled = jax.jit(apply)
    expected = compiled(params, X)
    tapped = exposed(compiled)
    names = seen_names(tapped, params, X)
    assert "inner" in names and "last" in names and "inner/Dense_0" in names
    value, (record,) = jax.jit(lambda p, x: collect("inner", tapped, p, x))(params, X)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert record.inputs.shape == (4, 3) and record.outputs.shape == (4, 2)
    with replacing({"inner": lambda x, own: 0.0 * own}):
        silent = tapped(params, X)
    np.testing.assert_allclose(silent, params["params"]["last"]["bias"][0] * np.ones(4))
    np.testing.assert_array_equal(compiled(params, X), expected)


def test_gradients_by_parameters_go_around_the_part(model):
    apply, params = model

    def loss(params):
        with replacing({"inner": lambda x, own: x[..., :2] ** 2}):
            return exposed(apply)(params, X).sum()

    grads = jax.grad(loss)(params)["params"]
    assert float(jnp.abs(grads["last"]["kernel"]).sum()) > 0
    assert all(float(jnp.abs(g).sum()) == 0 for g in jax.tree.leaves(grads["inner"]))


def check_object(model, where, apply):
    """A part of an object is found, recorded and replaced; the object stays as it is."""
    expected = apply(model, X)
    tapped = exposed(apply, where=where)
    assert "part" in seen_names(tapped, model, X)
    value, (record,) = collect("part", lambda x: tapped(model, x), X)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert record.inputs.shape == (4, 3)
    np.testing.assert_allclose(record.outputs, jax.vmap(where(model))(X), rtol=1e-5)
    with replacing({"part": lambda x, own: 0.0 * own}):
        assert float(jnp.ptp(tapped(model, X))) < 1e-6
    np.testing.assert_array_equal(apply(model, X), expected)


def test_parts_of_nnx_models():
    from flax import nnx

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.layers = nnx.List([nnx.Linear(3, 4, rngs=rngs), nnx.Linear(4, 1, rngs=rngs)])

        def __call__(self, x):
            return self.layers[1](jnp.tanh(self.layers[0](x)))

    model = Model(nnx.Rngs(0))
    check_object(model, lambda model: model.layers[0], lambda model, x: model(x))


def test_parts_of_equinox_models():
    eqx = pytest.importorskip("equinox")

    class Model(eqx.Module):
        first: eqx.nn.MLP
        last: eqx.nn.Linear

        def __call__(self, x):
            return self.last(self.first(x))

    keys = jax.random.split(jax.random.key(0))
    model = Model(eqx.nn.MLP(3, 4, 8, 1, key=keys[0]), eqx.nn.Linear(4, 1, key=keys[1]))
    check_object(model, lambda model: model.first, lambda model, x: jax.vmap(model)(x))
    check_object(
        model, lambda model: model.first, lambda model, x: jax.vmap(eqx.filter_jit(model))(x)
    )


def test_where_must_give_a_part_that_can_be_called():
    model = SimpleNamespace(inner={"f": jnp.sin}, size=3)
    with pytest.raises(ValueError, match="where gives a int; expected a part that can be called"):
        with_tap(model, lambda model: model.size, "part")
    with pytest.raises(ValueError, match="no attribute of the model"):
        with_tap(model, lambda model: jnp.cos, "part")
    assert with_tap(model, lambda model: model.inner["f"], "part").inner["f"](0.0) == 0.0


def test_a_module_within_a_replaced_one_keeps_its_path():
    class Nested(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2, name="Dense_0")(Inner(name="inner")(x))

    params = Nested().init(jax.random.key(0), X)
    tapped = exposed(Nested().apply)
    plain = tapped(params, X)
    seen = []
    halves = {name: lambda x, own: seen.append(x.shape) or own for name in ("inner", "Dense_0")}
    with replacing(halves):
        np.testing.assert_allclose(tapped(params, X), plain, rtol=1e-6)
    assert seen == [(4, 3), (4, 2)]
