"""`symbolify`: known laws come back from trained or made parts, in place, with a verdict."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxsym
from jaxsym import symbolify, tap
from jaxsym.search import NativeEngine, SearchBudget

# Sizes at which the laws below are found, in a second or two.
QUICK = NativeEngine(
    SearchBudget(library=1000, small=500, terms=400, rows=128, refined=4, generations=2)
)
QUICKLY = {"engine": QUICK, "time_limit": None}
SENDERS, RECEIVERS = np.array([(i, j) for i in range(3) for j in range(3) if i != j]).T


def positions(seed, count=150, width=1.5):
    rng = np.random.default_rng(seed)
    return rng.uniform(-width, width, (count, 3, 2)), rng.uniform(0.5, 2.0, (count, 3))


def ripple(x):
    """What a network's error looks like: smooth, and alike in neighboring rows."""
    return 0.01 * jnp.sin(3.0 * x[..., :1] + 2.0 * x[..., 1:2])


def spring(x):
    d, mass = x[..., :2], x[..., 2:]
    r = jnp.sqrt(jnp.sum(d**2, axis=-1, keepdims=True) + 1e-12)
    return 1.7 * mass[..., :1] * mass[..., 1:] * (r - 1.2) / r * d


def columns(position, mass):
    d = position[..., SENDERS, :] - position[..., RECEIVERS, :]
    return jnp.concatenate([d, mass[..., RECEIVERS, None], mass[..., SENDERS, None]], axis=-1)


def total(force, mass):
    summed = jnp.zeros((*mass.shape, 2)).at[..., RECEIVERS, :].add(force)
    return summed / mass[..., None]


def bodies(params, batch):
    """A made network: the law and a ripple, in its message function."""
    position, mass, _ = batch
    x = columns(position, mass)
    return total(tap("force", lambda x: spring(x) * (1 + params["ripple"] * ripple(x)), x), mass)


def with_truth(position, mass):
    return position, mass, np.asarray(total(spring(columns(position, mass)), mass))


def mean_absolute(prediction, batch):
    return jnp.abs(prediction - batch[-1]).mean()


@pytest.fixture(scope="module")
def found():
    return symbolify(
        bodies,
        {"ripple": jnp.ones(())},
        with_truth(*positions(0)),
        part="force",
        inputs=["dx", "dy", "m1", "m2"],
        loss=mean_absolute,
        held_out=with_truth(*positions(1)),
        outside=with_truth(*positions(2, width=3.0)),
        **QUICKLY,
    )


def test_a_force_is_told_by_its_coefficient_and_the_data_tell_its_constants(found):
    (law,) = found.expressions
    expected = jaxsym.parse("1.7*m1*m2*(r - 1.2)/r")
    table = np.random.default_rng(0).uniform(0.5, 2.0, (50, 3))
    names = ["r", "m1", "m2"]
    np.testing.assert_allclose(
        law.evaluate(table, names), expected.evaluate(table, names), rtol=1e-4
    )
    part = found.parts["force"]
    assert part.live == part.outputs == 2 and str(part.definitions["r"]) == "sqrt(dx**2 + dy**2)"
    assert "by their length alone" in part.notes[0]


def test_the_verdict_compares_network_and_equations(found):
    for data in ("held_out", "outside"):
        assert found.errors["symbolic"][data] < 0.02 * found.errors["neural"][data]
    assert found.faithful and found.faithful.to_network
    assert "faithful to the data and to the network" in str(found)
    assert "force[0] = " in str(found) and "*dx" in str(found)


def test_the_model_with_equations_is_pure_and_trains(found):
    batch = with_truth(*positions(3, count=20))
    compiled = jax.jit(found.apply)(found.params, batch)
    np.testing.assert_allclose(compiled, batch[2], rtol=1e-3, atol=1e-3)
    off = jax.tree.map(lambda a: jnp.asarray(a), found.params)
    off["equations"]["force"][0] = off["equations"]["force"][0] * 1.1
    slope = jax.grad(lambda p: mean_absolute(found.apply(p, batch), batch))(off)
    assert float(jnp.abs(slope["equations"]["force"][0]).max()) > 0
    assert float(jnp.abs(slope["model"]["ripple"])) == 0


def test_the_report_holds_result_formula_module_and_figure(found, tmp_path):
    found.save(tmp_path / "report")
    result = json.loads((tmp_path / "report" / "result.json").read_text())
    assert result["faithful"]["to_data"] and result["parts"]["force"]["equations"]
    assert "faithful to the data" in (tmp_path / "report" / "report.html").read_text()
    assert r"\begin{align}" in (tmp_path / "report" / "law.tex").read_text()
    assert (tmp_path / "report" / "figure.png").stat().st_size > 5000
    namespace: dict = {}
    exec((tmp_path / "report" / "law.py").read_text(), namespace)
    x = np.random.default_rng(0).uniform(0.5, 2.0, (7, 4))
    np.testing.assert_allclose(namespace["force"](x), spring(x), rtol=1e-3)


class Wide(nn.Module):
    """Two numbers mixed into five, with offsets, as a network may have them."""

    @nn.compact
    def __call__(self, x):
        mix = self.param("mix", lambda key: jax.random.normal(key, (2, 5)))
        inner = jnp.stack([x[..., 0] * x[..., 1], 2.0 * x[..., 0] ** 2], -1)
        return inner @ mix + jnp.arange(5.0)


class Net(nn.Module):
    @nn.compact
    def __call__(self, x):
        y = Wide(name="wide")(x)
        return y @ self.param("read", lambda key: jax.random.normal(key, (5, 2)))


@pytest.mark.slow
def test_outputs_that_are_mixes_of_few_are_told_by_few():
    x = np.random.default_rng(0).uniform(0.5, 2.0, (200, 3))
    net = Net()
    params = net.init(jax.random.key(0), x)
    batch = x, np.asarray(net.apply(params, x))
    found = symbolify(
        lambda params, batch: net.apply(params, batch[0]),
        params,
        batch,
        part="wide",
        inputs=["a", "b", "c"],
        loss=lambda y, batch: ((y - batch[1]) ** 2).mean(),
        **QUICKLY,
    )
    part = found.parts["wide"]
    assert (part.live, part.outputs, len(found.expressions)) == (2, 5, 2)
    assert "does not depend on c" in part.notes
    assert found.errors["symbolic"]["held_out"] < 1e-8
    assert found.scale.power == 2.0
    assert "2 of 5 directions of its outputs count" in str(found)


@pytest.mark.slow
def test_several_parts_are_explained_one_after_the_other():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 2.0, (100, 4, 1))

    def model(params, batch):
        each = tap("each", lambda x: 1.5 * x**2 * (1.0 + 0.003 * jnp.sin(5.0 * x)), batch[0])
        return tap("whole", lambda s: s[..., 0] / (1.0 + s[..., 0]), each.sum(axis=1))

    s = 1.5 * (x**2).sum(axis=(1, 2))
    found = symbolify(
        model,
        {},
        (x, s / (1.0 + s)),
        parts=["each", "whole"],
        inputs={"each": ["x"], "whole": ["s"]},
        loss=lambda y, batch: jnp.abs(y - batch[1]).mean(),
        **QUICKLY,
    )
    assert list(found.parts) == ["each", "whole"]
    table = np.array([[0.7], [1.9]])
    each, whole = found.expressions
    np.testing.assert_allclose(each.evaluate(table, ["x"]), 1.5 * table[:, 0] ** 2, rtol=1e-3)
    np.testing.assert_allclose(
        whole.evaluate(table, ["s"]), table[:, 0] / (1 + table[:, 0]), rtol=1e-3
    )


X = np.linspace(0.5, 2.0, 12).reshape(6, 2)
SQUARE = {"part": "f", "loss": lambda y, batch: (y**2).mean()}


def tapped(function):
    return lambda params, batch: tap("f", function, batch)


KEPT: list = []


def impure(params, batch):
    KEPT.append(batch)
    return tap("f", lambda x: (x + 0.0 * KEPT[0]).sum(-1), batch)


@pytest.mark.parametrize(
    ("apply", "options", "message"),
    [
        (tapped(lambda x: x.sum(-1)), {"part": "g"}, "unknown part 'g'; did you mean 'f'|known: f"),
        (lambda p, x: x.sum(-1), {}, "neither does any other"),
        (tapped(lambda x: x.sum(-1)), {"loss": lambda y, x: y}, r"an array of shape \(6,\)"),
        (tapped(lambda x: x.sum(-1)), {"loss": lambda y, x: -(y**2).mean()}, "not negative"),
        (tapped(lambda x: x.sum(-1)), {"loss": lambda y, x: jnp.nan * y.mean()}, "finite number"),
        (tapped(lambda x: 0 * x.sum(-1) + 1.0), {}, "are constant on this batch"),
        (tapped(lambda x: x.astype(int)), {}, "its output of f is of type int"),
        (lambda p, x: tap("f", lambda n: n * 0.5, x.astype(int)), {}, "input of f is of type int"),
        (tapped(lambda x: jnp.sqrt(x.sum(-1) - 3.0)), {}, "prediction of the model has"),
        (
            lambda p, x: jnp.where(x > 1.0, tap("f", jnp.sqrt, x - 1.0), 0.0),
            {},
            "the record of the outputs of part 'f' has a non-finite",
        ),
        (tapped(lambda x: x - x.mean(0)), {}, "depend on each other"),
        (tapped(lambda x: x.sum(-1)), {"inputs": ["a"]}, "names 1 columns"),
        (tapped(lambda x: x.sum(-1)), {"inputs": ["a", "a"]}, "a name twice"),
        (tapped(lambda x: x.sum(-1)), {"features": {"r": 3}}, "expected a formula as text"),
        (tapped(lambda x: x.sum(-1)), {"features": {"x0": "x1"}}, "the name of another column"),
        (tapped(lambda x: x.sum(-1)), {"time_limit": 0}, "time_limit is 0"),
        (tapped(lambda x: x.sum(-1)), {"engine": "none"}, "unknown engine 'none'"),
        (tapped(lambda x: x.sum(-1)), {"parts": ["f"]}, "part and parts are both given"),
        (lambda p, x: p["w"] * x, {}, "apply cannot be evaluated with these params"),
        (
            lambda p, x: tap("f", jnp.sin, x).sum() + tap("f", jnp.sin, x[:, :1]).sum(),
            {},
            "different numbers of columns",
        ),
        (
            lambda p, x: 0.0 * tap("f", lambda x: x.sum(-1), x) + x[:, 0],
            {},
            "the loss does not depend on part 'f'",
        ),
        (impure, {}, "apply is not pure"),
    ],
)
def test_bad_input_meets_a_clear_error(apply, options, message):
    KEPT.clear()
    with pytest.raises(ValueError, match=message):
        symbolify(apply, {}, jnp.asarray(X), **{**SQUARE, **QUICKLY, **options})


def test_objects_have_parts_by_attribute():
    class Model:
        def __init__(self):
            self.inner = lambda x: jnp.exp(-0.5 * x[..., 0])

        def __call__(self, x):
            return 3.0 * self.inner(x)

    x = np.linspace(0.0, 4.0, 60)[:, None]
    found = symbolify(
        lambda model, batch: model(batch[0]),
        Model(),
        (x, 3.0 * np.exp(-0.5 * x[:, 0])),
        where=lambda model: model.inner,
        inputs=["t"],
        loss=lambda y, batch: ((y - batch[1]) ** 2).mean(),
        **QUICKLY,
    )
    np.testing.assert_allclose(
        found.expressions[0].evaluate(x, ["t"]), np.exp(-0.5 * x[:, 0]), rtol=1e-4
    )
