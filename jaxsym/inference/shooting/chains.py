"""Least squares over chains of states that share constants, by orthogonal elimination.

Each of R chains has J states of S components, each tied to the next; P constants are common to
all. States are eliminated one after the other with QR factorizations (the square-root information
filter, Bierman 1977, chapter V), then the constants are solved for, and the states found backwards:
the cost is linear in the number of states. Without squared matrices, ties may be a million times
stiffer than the data are precise, and states that no data determine need only a trace of damping.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Chains(NamedTuple):
    """A linear least-squares problem in moves of the states and of the constants.

    Attributes:
      rows: of the data, each with columns for its state, the constants and the residual.
      ties: derivatives of where a state leads by itself and by the constants, and in the last
        column the next state's distance from there; the last tie of a chain leads nowhere.
    """

    rows: Float[Array, "R J K S+P+1"]
    ties: Float[Array, "R J S S+P+1"]


class Eliminated(NamedTuple):
    """The triangular factors.

    Attributes:
      states: ``[own S, next S, constants P, residual 1]`` of each state.
      constants: ``[constants P, residual 1]``; the corner's square is the least sum of squares.
    """

    states: Float[Array, "R J S 2S+P+1"]
    constants: Float[Array, "P+1 P+1"]


def compress(rows: Float[Array, "K C"]) -> Float[Array, "C C"]:
    """As few rows as columns, with the same sums of squares."""
    missing = max(rows.shape[1] - rows.shape[0], 0)
    return jnp.linalg.qr(jnp.pad(rows, ((0, missing), (0, 0))), mode="r")


def eliminate(
    chains: Chains,
    stiffness: Float[Array, "R J S"],
    state_damping: Float[Array, " R"],
    constant_damping: Float[Array, " P"],
) -> Eliminated:
    """Factor the problem.

    Args:
      chains: the problem; rows already weighted.
      stiffness: weights of the ties' components, zero for the last of a chain; infinity is not
        allowed, large is.
      state_damping, constant_damping: weights of rows that ask for no move.
    """
    states = chains.ties.shape[2]
    zero = jnp.zeros_like(constant_damping)

    def chain(rows: Array, ties: Array, weights: Array, damping: Array) -> tuple[Array, Array]:
        still = damping * jnp.eye(states, rows.shape[2])

        def step(left: Array, link: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            own, tie, weight = link
            factor = eliminate_one(jnp.concatenate([left, own, still]), tie, weight)
            return factor[states:, states:], factor[:states]

        empty = jnp.zeros((rows.shape[2], rows.shape[2]))
        left, factors = jax.lax.scan(step, empty, (rows, ties, weights))
        return factors, left[:, states:]

    factors, left = jax.vmap(chain)(chains.rows, chains.ties, stiffness, state_damping)
    still = jnp.concatenate([jnp.diag(constant_damping), zero[:, None]], axis=1)
    return Eliminated(factors, compress(jnp.concatenate([left.reshape(-1, len(zero) + 1), still])))


def eliminate_one(
    own: Float[Array, "K S+P+1"], tie: Float[Array, "S S+P+1"], weight: Float[Array, " S"]
) -> Float[Array, "2S+P+1 2S+P+1"]:
    """Triangular factor over one state, the next, the constants and the residual."""
    states = len(tie)
    own = jnp.concatenate([own[:, :states], jnp.zeros((len(own), states)), own[:, states:]], axis=1)
    ahead = jnp.concatenate(
        [-tie[:, :states], jnp.eye(states), -tie[:, states:-1], tie[:, -1:]], axis=1
    )
    return compress(jnp.concatenate([own, weight[:, None] * ahead]))


def solve(factors: Eliminated) -> tuple[Float[Array, " P"], Float[Array, "R J S"]]:
    """The moves of constants and states with the least sum of squares."""
    corner = factors.constants
    constants = -jax.scipy.linalg.solve_triangular(corner[:-1, :-1], corner[:-1, -1])
    states = factors.states.shape[2]

    def back(after: Array, factor: Array) -> tuple[Array, Array]:
        right = factor[:, states:-1] @ jnp.concatenate([after, constants]) + factor[:, -1]
        move = -jax.scipy.linalg.solve_triangular(factor[:, :states], right)
        return move, move

    def chain(factors: Array) -> Array:
        return jax.lax.scan(back, jnp.zeros(states), factors, reverse=True)[1]

    return constants, jax.vmap(chain)(factors.states)


def state_covariances(
    factors: Eliminated, constants: Float[Array, "P P"]
) -> tuple[Float[Array, "R J S S"], Float[Array, "R J S P"]]:
    """Covariances of the states, and of states with constants.

    Args:
      factors: of the problem with rows in units of their standard deviations.
      constants: covariance of the constants.
    """
    states = factors.states.shape[2]

    def back(after: tuple[Array, Array], factor: Array) -> tuple[tuple, tuple]:
        own, cross = after
        onto_next, onto_constants = factor[:, states : 2 * states], factor[:, 2 * states : -1]
        onto = jnp.concatenate([onto_next, onto_constants], axis=1)
        joint = jnp.block([[own, cross], [cross.T, constants]])
        inverse = jax.scipy.linalg.solve_triangular(factor[:, :states], jnp.eye(states))
        both = onto @ joint @ onto.T + jnp.eye(states)
        here = inverse @ both @ inverse.T
        with_constants = -inverse @ (onto_next @ cross + onto_constants @ constants)
        return (here, with_constants), (here, with_constants)

    def chain(factors: Array) -> tuple[Array, Array]:
        empty = jnp.zeros((states, states)), jnp.zeros((states, len(constants)))
        return jax.lax.scan(back, empty, factors, reverse=True)[1]

    return jax.vmap(chain)(factors.states)
