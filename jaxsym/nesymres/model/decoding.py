"""Beam search and sampling of equations, compiled; no prefix is ever invalid."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from jaxsym._programs import bounded_jit
from jaxsym._settings import implicit_broadcasting
from jaxsym.nesymres.model.transformer import Cache, NeSymReS
from jaxsym.nesymres.vocabulary import END, ID, PAD, SIZE, START, VARIABLES, arity_table


class Decoded(NamedTuple):
    """S equations for each of T tables, best first.

    Attributes:
      tokens: `[T, S, L]` ids from ``start`` to ``end``, padded.
      log_probability: `[T, S]` of the whole equation; minus infinity where there are fewer.
      steps: tokens written until all had ended.
    """

    tokens: Int[Array, "T S L"]
    log_probability: Float[Array, "T S"]
    steps: Int[Array, ""]


class _Beams(NamedTuple):
    tokens: Int[Array, "T S L"]
    score: Float[Array, "T S"]
    wanted: Int[Array, "T S"]  # arguments still to come
    varied: Bool[Array, "T S"]  # whether there is a variable already
    done: Bool[Array, "T S"]
    cache: Cache
    position: Int[Array, ""]
    key: Key[Array, ""]


@implicit_broadcasting()
def allowed_next(
    wanted: Int[Array, ...],
    varied: Bool[Array, ...],
    room: Int[Array, ""],
    allowed: Bool[Array, "... 60"],
) -> Bool[Array, "... 60"]:
    """Which tokens may follow, so that the equation can still be completed.

    Args:
      wanted: arguments still to come; 0 where the equation is complete.
      varied: whether a variable has been written; an equation without one is no use.
      room: tokens that still fit, the end included.
      allowed: tokens of which equations may consist.

    >>> from jaxsym.nesymres.vocabulary import ID
    >>> everything = jnp.ones(SIZE, bool)
    >>> one_left = allowed_next(jnp.array(1), jnp.array(False), jnp.array(2), everything)
    >>> [bool(one_left[ID[token]]) for token in ("x_1", "1", "sin", "end", "pad")]
    [True, False, False, False, False]
    """
    arity = jnp.asarray(arity_table())
    after = wanted[..., None] - 1 + arity
    useful = (after > 0) | varied[..., None] | jnp.asarray(_is_variable())
    part = (arity >= 0) & allowed & (after + 1 <= room - 1) & useful
    ends = jnp.arange(SIZE) == END
    return jnp.where(wanted[..., None] > 0, part, ends)


@bounded_jit(static_argnames=("model", "beam", "sample"))
@implicit_broadcasting()
def decode(
    model: NeSymReS,
    params: PyTree,
    X: Float[Array, "T n V"],
    y: Float[Array, "T n"],
    mask: Bool[Array, "T n"],
    allowed: Bool[Array, "T 60"],
    key: Key[Array, ""],
    most: int | Int[Array, ""] | None = None,
    *,
    beam: int,
    sample: bool = False,
) -> Decoded:
    """The most probable equations of tables by beam search, or random ones.

    Probabilities are those of the model among the tokens that the grammar allows.

    Args:
      model, params: the network.
      X, y, mask: tables; points where the mask is False do not count.
      allowed: tokens of which the equations of each table may consist.
      key: PRNG key of the samples.
      most: tokens of an equation, with the start and the end; by default what the model knows.
      beam: S, equations kept at every step, or samples.
      sample: independent samples instead of beam search.
    """
    tables, length = len(X), model.config.length
    most = length if most is None else jnp.minimum(most, length)
    cache: Any = model.apply(params, X, y, mask, beam, method="start")
    first = jnp.full((tables, beam, length), PAD, jnp.int32).at[..., 0].set(START)
    alone = jnp.where(jnp.arange(beam) > 0, -jnp.inf, 0.0)
    beams = _Beams(
        tokens=first,
        score=jnp.broadcast_to(jnp.zeros(beam) if sample else alone, (tables, beam)),
        wanted=jnp.ones((tables, beam), jnp.int32),
        varied=jnp.zeros((tables, beam), bool),
        done=jnp.zeros((tables, beam), bool),
        cache=cache,
        position=jnp.zeros((), jnp.int32),
        key=key,
    )

    def going(beams: _Beams) -> Array:
        return (beams.position < most - 1) & ~beams.done.all()

    def advance(beams: _Beams) -> _Beams:
        last = beams.tokens[..., beams.position].reshape(-1)
        stepped: Any = model.apply(params, last, beams.position, beams.cache, method="step")
        logits, cache = stepped
        room = most - 1 - beams.position
        may = allowed_next(beams.wanted, beams.varied, room, allowed[:, None])
        masked = jnp.where(may, logits.reshape(tables, beam, SIZE), -jnp.inf)
        over = jnp.where(jnp.arange(SIZE) == PAD, 0.0, -jnp.inf)
        scores = jnp.where(beams.done[..., None], over, jax.nn.log_softmax(masked))
        key, draw = jax.random.split(beams.key)
        if sample:
            token = jax.random.categorical(draw, scores)
            parent = jnp.broadcast_to(jnp.arange(beam), token.shape)
            score = beams.score + jnp.take_along_axis(scores, token[..., None], 2)[..., 0]
        else:
            total = (beams.score[..., None] + scores).reshape(tables, -1)
            score, choice = lax.top_k(total, beam)
            parent, token = choice // SIZE, choice % SIZE
        return _extended(beams, cache, parent, token, score, key)

    beams = lax.while_loop(going, advance, beams)
    order = jnp.argsort(-beams.score, axis=1)
    return Decoded(
        jnp.take_along_axis(beams.tokens, order[..., None], 1),
        jnp.take_along_axis(beams.score, order, 1),
        beams.position,
    )


def _extended(
    beams: _Beams, cache: Cache, parent: Array, token: Array, score: Array, key: Array
) -> _Beams:
    """Every beam replaced by its parent with one token more."""
    tables, size = parent.shape
    rows = (parent + size * jnp.arange(tables)[:, None]).reshape(-1)
    cache = cache._replace(writers=cache.writers[rows])
    tokens = jnp.take_along_axis(beams.tokens, parent[..., None], 1)
    wanted, varied = (jnp.take_along_axis(of, parent, 1) for of in (beams.wanted, beams.varied))
    arity = jnp.asarray(arity_table())[token]
    return _Beams(
        tokens=tokens.at[..., beams.position + 1].set(token),
        score=score,
        wanted=jnp.where(arity >= 0, wanted - 1 + arity, wanted),
        varied=varied | jnp.asarray(_is_variable())[token],
        done=(token == END) | (token == PAD) | jnp.isneginf(score),
        cache=cache,
        position=beams.position + 1,
        key=key,
    )


def _is_variable() -> Bool[np.ndarray, " 60"]:
    return np.isin(np.arange(SIZE), [ID[name] for name in VARIABLES])
