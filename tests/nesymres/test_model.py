"""The architecture: counts, an independent forward pass, caches and masks."""

from __future__ import annotations

import functools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.nesymres import CONFIGS, NeSymReS
from jaxsym.nesymres.model.config import named_config
from jaxsym.nesymres.model.transformer import init_params

TINY = {
    "paper": replace(
        CONFIGS["paper"], width=8, heads=2, isabs=2, inducing=3, seeds=2, decoder_layers=2,
        feedforward=8, length=8,
    ),
    "small": replace(
        CONFIGS["small"], width=8, heads=2, inducing=3, seeds=2, latent_layers=1,
        decoder_layers=2, feedforward=12, length=8,
    ),
}  # fmt: skip


def tables(points=5, seed=0):
    keys = jax.random.split(jax.random.key(seed), 2)
    X = jax.random.normal(keys[0], (2, points, 3))
    return X, jax.random.normal(keys[1], (2, points)), jnp.ones((2, points), bool)


def apply(model, params, *arguments, **options):
    return jax.jit(functools.partial(model.apply, **options))(params, *arguments)


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_the_paper_has_its_number_of_parameters():
    shapes = jax.eval_shape(
        lambda key: init_params(NeSymReS(CONFIGS["paper"]), key), jax.random.key(0)
    )["params"]
    assert size(shapes["encoder"]) == 13_155_328
    decoder = shapes["decoder"]
    assert sum(size(part) for name, part in decoder.items() if "layers" in name) == 13_148_160
    assert size(decoder["embed"]) + size(decoder["positions"]) == 61_440
    assert size(decoder["head"]) == 30_780
    assert size(shapes) == 26_395_708


def test_small_is_small():
    shapes = jax.eval_shape(
        lambda key: init_params(NeSymReS(CONFIGS["small"]), key), jax.random.key(0)
    )
    assert 3e6 < size(shapes) < 8e6


def linear(p, x):
    return x @ p["kernel"] + p["bias"]


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def norm(p, x):
    centered = x - x.mean(-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5) * p["scale"] + p["bias"]


def heads_read(q, k, v, heads, scale, mask=None):
    """Attention head by head, on [n, d] arrays."""
    out = []
    for part in np.split(np.arange(q.shape[-1]), heads):
        scores = q[:, part] @ k[:, part].T / scale
        if mask is not None:
            scores = np.where(mask, scores, -np.inf)
        out.append(softmax(scores) @ v[:, part])
    return np.concatenate(out, -1)


def mab(p, x, context, heads):
    q, k, v = linear(p["query"], x), linear(p["key"], context), linear(p["value"], context)
    h = norm(p["norm_0"], q + heads_read(q, k, v, heads, np.sqrt(q.shape[-1])))
    return norm(p["norm_1"], h + np.maximum(linear(p["out"], h), 0))


def attention(p, x, context, heads, mask=None):
    q, k, v = linear(p["query"], x), linear(p["key"], context), linear(p["value"], context)
    scale = np.sqrt(q.shape[-1] // heads)
    return linear(p["out"], heads_read(q, k, v, heads, scale, mask))


def paper_forward(params, config, X, y, tokens):
    """The original's equations for one table, in numpy."""
    numbers = np.concatenate([X, y[:, None]], 1).astype(np.float16).view(np.uint16)
    x = np.array(
        [[[1 if (v >> b) & 1 else -1 for b in range(15, -1, -1)] for v in r] for r in numbers]
    )
    x = x.reshape(len(X), -1).astype(float)
    e = params["encoder"]
    for i in range(config.isabs):
        induced = mab(e[f"isab_{i}_in"], e[f"inducing_{i}"], x, config.heads)
        x = mab(e[f"isab_{i}_out"], x, induced, config.heads)
    z = mab(e["pma"], e["seeds"], x, config.heads)
    d = params["decoder"]
    h = d["embed"]["embedding"][tokens] + d["positions"]["embedding"][: len(tokens)]
    causal = np.tril(np.ones((len(tokens),) * 2, bool))
    for i in range(config.decoder_layers):
        p = d[f"layers_{i}"]
        h = norm(p["norms_0"], h + attention(p["own"], h, h, config.heads, causal))
        h = norm(p["norms_1"], h + attention(p["read"], h, z, config.heads))
        inner = np.maximum(linear(p["feed"]["Dense_0"], h), 0)
        h = norm(p["norms_2"], h + linear(p["feed"]["Dense_1"], inner))
    return linear(d["head"], h)


def test_the_paper_computes_what_numpy_computes():
    config = TINY["paper"]
    model = NeSymReS(config)
    params = init_params(model, jax.random.key(0))
    X, y, mask = tables()
    tokens = jax.random.randint(jax.random.key(1), (2, 6), 3, 37)
    logits = apply(model, params, X, y, mask, tokens)
    plain = jax.tree.map(lambda a: np.asarray(a, np.float64), params["params"])
    for row in range(2):
        expected = paper_forward(
            plain, config, np.asarray(X[row]), np.asarray(y[row]), np.asarray(tokens[row])
        )
        np.testing.assert_allclose(logits[row], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
class TestBothRecipes:
    def test_one_by_one_equals_all_at_once(self, name):
        model = NeSymReS(TINY[name])
        params = init_params(model, jax.random.key(0))
        table = tables()
        tokens = jax.random.randint(jax.random.key(1), (2, 6), 3, 37)
        whole = apply(model, params, *table, tokens)
        cache = apply(model, params, *table, equations=1, method="start")
        for i in range(6):
            logits, cache = apply(model, params, tokens[:, i], jnp.int32(i), cache, method="step")
            np.testing.assert_allclose(logits, whole[:, i], rtol=1e-3, atol=1e-5)

    def test_the_order_of_points_does_not_matter(self, name):
        model = NeSymReS(TINY[name])
        params = init_params(model, jax.random.key(0))
        X, y, mask = tables()
        order = jnp.array([3, 0, 4, 2, 1])
        one = apply(model, params, X, y, mask, method="encode")
        other = apply(model, params, X[:, order], y[:, order], mask, method="encode")
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)

    def test_masked_points_do_not_matter(self, name):
        model = NeSymReS(TINY[name])
        params = init_params(model, jax.random.key(0))
        X, y, mask = tables()
        more = [
            jnp.concatenate([a, b[:, :3]], 1)
            for a, b in zip((X, y), tables(seed=9)[:2], strict=True)
        ]
        longer = jnp.concatenate([mask, jnp.zeros((2, 3), bool)], 1)
        one = apply(model, params, X, y, mask, method="encode")
        other = apply(model, params, *more, longer, method="encode")
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        changed = apply(model, params, *more, jnp.ones_like(longer), method="encode")
        assert not np.allclose(one, changed, atol=1e-3)

    def test_later_tokens_do_not_matter(self, name):
        model = NeSymReS(TINY[name])
        params = init_params(model, jax.random.key(0))
        tokens = jax.random.randint(jax.random.key(1), (2, 6), 3, 37)
        one = apply(model, params, *tables(), tokens)
        other = apply(model, params, *tables(), tokens.at[:, 4:].set(7))
        np.testing.assert_allclose(one[:, :4], other[:, :4], atol=1e-6)
        assert not np.allclose(one[:, 4:], other[:, 4:], atol=1e-3)


def test_bad_configurations():
    with pytest.raises(ValueError, match="did you mean 'paper'"):
        named_config("papper")
    for options in ({"variables": 9}, {"bits": 8}, {"heads": 5}, {"length": 2}):
        with pytest.raises(ValueError, match="expected"):
            replace(CONFIGS["small"], **options)
