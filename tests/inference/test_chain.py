"""The elimination of states against the dense least-squares problem."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.inference.shooting.chains import Chains, compress, eliminate, solve, state_covariances

R, J, S, P, K = 2, 4, 3, 2, 5


def made_chains(seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(R, J, K, S + P + 1))
    ties = rng.normal(size=(R, J, S, S + P + 1))
    return rows, ties


def dense(rows, ties, stiffness, state_damping, constant_damping):
    """All rows of the problem over (states, constants), and the right side."""
    size = R * J * S + P
    blocks = []

    def add(columns, values):
        block = np.zeros((len(values), size + 1))
        for where, part in columns:
            block[:, where] += part
        block[:, -1] = values
        blocks.append(block)

    at = lambda r, j: np.arange(S) + (r * J + j) * S  # noqa: E731
    constants = np.arange(P) + R * J * S
    for r, j in np.ndindex(R, J):
        row, tie, weight = rows[r, j], ties[r, j], stiffness[r, j][:, None]
        add([(at(r, j), row[:, :S]), (constants, row[:, S:-1])], row[:, -1])
        add([(at(r, j), state_damping[r] * np.eye(S))], np.zeros(S))
        if j < J - 1:
            parts = [(at(r, j), -weight * tie[:, :S]), (at(r, j + 1), weight * np.eye(S))]
            parts.append((constants, -weight * tie[:, S:-1]))
            add(parts, weight[:, 0] * tie[:, -1])
    add([(constants, np.diag(constant_damping))], np.zeros(P))
    full = np.concatenate(blocks)
    return full[:, :-1], full[:, -1]


@pytest.mark.parametrize("stiff", [0.3, 1.0, 1e5])
def test_moves_and_covariances_are_those_of_the_dense_problem(x64, stiff):
    rows, ties = made_chains()
    stiffness = np.full((R, J, S), stiff)
    stiffness[:, -1] = 0
    damping = np.array([0.1, 0.2]), np.array([0.3, 0.4])
    factors = eliminate(Chains(jnp.asarray(rows), jnp.asarray(ties)), stiffness, *damping)
    constants, states = solve(factors)
    matrix, right = dense(rows, ties, stiffness, *damping)
    expected = np.linalg.lstsq(matrix, -right, rcond=None)[0]
    np.testing.assert_allclose(np.concatenate([states.ravel(), constants]), expected, rtol=1e-6)
    least = np.sum((matrix @ expected + right) ** 2)
    np.testing.assert_allclose(factors.constants[-1, -1] ** 2, least, rtol=1e-8)

    covariance = np.linalg.inv(matrix.T @ matrix)
    triangle = np.asarray(factors.constants)[:-1, :-1]
    of_constants = np.linalg.inv(triangle.T @ triangle)
    np.testing.assert_allclose(of_constants, covariance[-P:, -P:], rtol=1e-5)
    of_states, cross = state_covariances(factors, jnp.asarray(of_constants))
    np.testing.assert_allclose(of_states[1, 0], covariance[12:15, 12:15], rtol=1e-4)
    np.testing.assert_allclose(cross[0, 2], covariance[6:9, -P:], rtol=1e-4, atol=1e-9)


def test_compressed_rows_have_the_same_squares(x64):
    rows = jax.random.normal(jax.random.key(0), (3, 5))
    np.testing.assert_allclose(compress(rows).T @ compress(rows), rows.T @ rows, atol=1e-12)
