"""`tap`: nothing outside of contexts; records and replacements under every transformation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.taps import collect, replacing, seen_names, tap

X = np.linspace(0.1, 1.2, 12, dtype=np.float32).reshape(4, 3)


def inner(x):
    return jnp.stack([jnp.sin(x).sum(-1), (x**2).sum(-1)], axis=-1)


def marked(x):
    return tap("inner", inner, x)


def rows(records):
    """Inputs and outputs of all valid calls, as tables."""
    found = []
    for record in records:
        valid = np.asarray(record.valid)
        inputs, outputs = np.asarray(record.inputs), np.asarray(record.outputs)
        lead = inputs.shape[:-1]
        keep = np.broadcast_to(valid.reshape(valid.shape + (1,) * (len(lead) - valid.ndim)), lead)
        found.append((inputs[keep], outputs[keep]))
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def looped(x):
    def body(carry, row):
        return carry + marked(row).sum(), marked(row + carry)

    return jax.lax.scan(body, jnp.zeros(()), x)


TRANSFORMED = {
    "plain": marked,
    "jit": jax.jit(marked),
    "vmap": jax.vmap(marked),
    "vmap of jit": jax.vmap(jax.jit(marked), in_axes=1, out_axes=1),
    "grad": jax.vmap(jax.grad(lambda x: marked(x).sum())),
    "hessian": jax.vmap(jax.hessian(lambda x: marked(x).sum())),
    "remat": jax.grad(lambda x: jax.checkpoint(lambda x: jnp.sin(marked(x)).sum())(x)),
    "scan": looped,
    "grad of scan": jax.grad(lambda x: looped(x)[0]),
    "custom derivative": jax.vmap(
        jax.grad(lambda x: (jax.nn.silu(marked(x)) + jax.nn.relu(marked(x))).sum())
    ),
    "map": lambda x: jax.lax.map(marked, x),
    "fori": lambda x: jax.lax.fori_loop(0, 3, lambda i, x: x + marked(x).sum(), x),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_records_hold_all_calls_and_values_stay(name):
    function = TRANSFORMED[name]
    values, records = jax.jit(lambda x: collect("inner", function, x))(X)
    for got, expected in zip(jax.tree.leaves(values), jax.tree.leaves(function(X)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    inputs, outputs = rows(records)
    assert len(inputs)
    columns = 4 if name == "vmap of jit" else 3
    assert inputs.shape[1] == columns and outputs.shape[1] == 2
    np.testing.assert_allclose(outputs, inner(inputs), rtol=1e-5)
    for record in records:
        shape = (*record.inputs.shape[:-1], 2, columns)
        assert record.slopes.shape == shape
        slope = np.asarray(record.slopes)[..., 1, :]
        np.testing.assert_allclose(slope, 2 * np.asarray(record.inputs), rtol=1e-5)


@pytest.mark.parametrize("name", TRANSFORMED)
def test_a_replacement_is_the_function_written_there(name):
    function = TRANSFORMED[name]
    other = lambda columns, own: 0.5 * own + columns.sum(-1, keepdims=True)  # noqa: E731

    before = function(X)
    with replacing({"inner": other}):
        replaced = function(X)
    original = inner

    def written(x):
        return other(x, original(x))

    globals()["inner"] = written
    try:
        jax.clear_caches()
        expected = function(X)
    finally:
        globals()["inner"] = original
        jax.clear_caches()
    for got, wanted in zip(jax.tree.leaves(replaced), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    for got, wanted in zip(jax.tree.leaves(function(X)), jax.tree.leaves(before), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_the_compiled_program_is_that_without_the_tap():
    plain = jax.jit(inner).lower(X).as_text().replace("jit_inner", "")
    assert jax.jit(marked).lower(X).as_text().replace("jit_marked", "") == plain


def test_loops_of_unknown_length_keep_their_latest_turns():
    def grow(x):
        return jax.lax.while_loop(
            lambda x: x.sum() < 500.0, lambda x: tap("inner", lambda x: x + 1.0, x), x
        )

    starts = jnp.array([[0.0, 1.0], [240.0, 250.0]])
    values, (record,) = collect("inner", jax.vmap(grow), starts)
    np.testing.assert_array_equal(values, jax.vmap(grow)(starts))
    assert bool(record.valid.all()) and record.inputs.shape[1:] == (2, 2)
    assert float(record.inputs[:, 0].max()) == 250.0
    values, (record,) = collect("inner", grow, starts[1])
    assert int(record.valid.sum()) == 5


def test_only_the_branch_that_was_taken_counts():
    def choose(x):
        return jax.lax.cond(x.sum() > 0, marked, lambda x: jnp.zeros(2), x)

    for sign in (1.0, -1.0):
        _, (record,) = collect("inner", choose, sign * jnp.ones(3))
        assert bool(record.valid) == (sign > 0)


def test_inputs_of_several_shapes_are_columns():
    def force(d, mass, unit):
        return d * mass[..., None] * unit

    d, mass, unit = np.ones((2, 5, 3)), np.full((2, 5), 2.0), np.array([1.0, 2.0, 3.0])
    _, (record,) = collect(
        "force", lambda d, m: tap("force", force, d, m, unit), jnp.array(d), jnp.array(mass)
    )
    assert record.inputs.shape == (2, 5, 7) and record.outputs.shape == (2, 5, 3)
    np.testing.assert_allclose(record.slopes[0, 0, 2], [0, 0, 6.0, 3.0, 0, 0, 2.0])
    _, (record,) = collect("u", jax.vmap(lambda t, x: tap("u", jnp.multiply, t, x)), X[0], X[1])
    assert record.inputs.shape == (3, 2) and record.outputs.shape == (3, 1)
    _, (record,) = collect("u", lambda t, x: tap("u", jnp.multiply, t, x), X[0], X[1], columns=2)
    assert record.inputs.shape == (3, 2) and record.outputs.shape == (3, 1)


def test_rows_that_see_each_other_are_noticed():
    _, (alone,) = collect("inner", marked, X)
    _, (mixed,) = collect("f", lambda x: tap("f", lambda x: x - x.mean(0), x), X)
    assert float(alone.mixing) == 0.0 and float(mixed.mixing) > 0.1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: tap("f", lambda n: n * 2, jnp.arange(3)), "an input of f is of type int32"),
        (lambda x: tap("f", lambda x: x > 0, x), "its output of f is of type bool"),
        (lambda x: tap("f", lambda x: (x, x), x), "expected one array"),
        (lambda x: tap("f", lambda x: x.sum(0), x), r"gives \(3,\); expected rows"),
        (lambda x: tap("f", lambda: jnp.ones(3)), "called without any array"),
    ],
)
def test_calls_that_are_no_tables_are_refused(function, message):
    with pytest.raises(ValueError, match=message):
        collect("f", function, X)


def test_names_are_those_that_are_met():
    assert seen_names(jax.jit(lambda x: tap("b", jnp.sin, marked(x)) + marked(x)), X) == (
        "inner",
        "b",
    )


def test_contexts_within_others_let_calls_of_other_names_pass():
    def model(x):
        return tap("b", lambda y: y + 1.0, marked(x))

    with replacing({"inner": lambda columns, own: 0.0 * own}):
        _, (record,) = collect("b", model, X)
    np.testing.assert_array_equal(record.inputs, np.zeros((4, 2)))
    np.testing.assert_array_equal(record.outputs, np.ones((4, 2)))
