"""The network read as formulas: exactly, at any moment; and pruned, in one expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxsym._settings import implicit_broadcasting
from jaxsym.expr import Expression, constant, literal, variable
from jaxsym.simulate import variable_names
from jaxsym.syrenets.network.symbolic import Architecture, SymbolicNetwork, run_selection

if TYPE_CHECKING:
    from sympy import Expr, Symbol


class Readout(NamedTuple):
    """A network as definitions, one for each head of each layer, and the formula made of the last.

    Written out in one piece the paper's network is millions of operations; by definitions,
    like sympy's `cse` gives them, it is a few thousand.

    Attributes:
      definitions: by name ``h<layer>_<head>``, in the order in which they need one another.
      formula: the sum of the last layer's heads (equation 9).
    """

    definitions: dict[str, Expression]
    formula: Expression

    @property
    def complexity(self) -> int:
        """Of all definitions and the formula together."""
        return self.formula.complexity + sum(d.complexity for d in self.definitions.values())

    def sympy(self) -> tuple[list[tuple[Symbol, Expr]], Expr]:
        """Replacements and the formula, as `sympy.cse` gives them."""
        import sympy

        pairs = [(sympy.Symbol(name), e.sympy()) for name, e in self.definitions.items()]
        return pairs, self.formula.sympy()

    def jax(self) -> Callable[[Float[Array, "*batch V"]], Float[Array, "*batch"]]:
        """The formula as a function of JAX, of coordinates and velocities."""
        parts = {name: e.jax(e.variables) for name, e in self.definitions.items()}
        used = {name: e.variables for name, e in self.definitions.items()}
        last = tuple(self.formula.variables)
        formula, constants = self.formula.jax(last)

        @implicit_broadcasting()
        def value(x: Float[Array, "*batch V"]) -> Float[Array, "*batch"]:
            names = variable_names(x.shape[-1] // 2)
            known = {name: x[..., place] for place, name in enumerate(names)}
            zero = jnp.zeros(x.shape[:-1], x.dtype)

            def columns(names: Sequence[str]) -> Array:
                stacked = [known[name] for name in names]
                return jnp.stack(stacked, axis=-1) if stacked else zero[..., None][..., :0]

            for name, (part, numbers) in parts.items():
                known[name] = part(columns(used[name]), numbers)
            return formula(columns(last), constants)

        return value

    def expression(self) -> Expression:
        """The formula in one piece. Meant for what little pruning leaves."""
        known: dict[str, Expression] = {}
        # definitions know only those before them
        for name, definition in self.definitions.items():
            known[name] = definition.substitute(known)
        return self.formula.substitute(known).canonical()


def read_out(
    network: SymbolicNetwork,
    params: dict,
    x: Float[ArrayLike, "B n"],
    *,
    threshold: float = 0.0,
) -> Readout:
    """The formula that a batch selects, exact to rounding.

    Args:
      network, params: a network of one seed.
      x: the batch, coordinates and velocities.
      threshold: candidates whose share of a head's output, in size on average over the batch, is
        smaller are left out; none by default.

    >>> network = SymbolicNetwork(Architecture(inputs=2, heads=2, layers=2))
    >>> x = np.random.default_rng(0).normal(size=(8, 2))
    >>> params = jax.jit(network.init)(jax.random.key(0), jnp.asarray(x, jnp.float32))
    >>> reading = read_out(network, params, x)
    >>> list(reading.definitions), reading.formula
    (['h1_1', 'h1_2', 'h2_1', 'h2_2'], Expression(h2_1 + h2_2))
    """
    architecture, x = network.architecture, np.asarray(x, np.float64)
    selected = run_selection(network, params, jnp.asarray(x, jnp.float32))
    weights = np.asarray(selected.weights, np.float64)
    inputs = [variable(name) for name in variable_names(architecture.inputs // 2)]
    outputs, values = [literal(0)] * architecture.heads, np.zeros((len(x), architecture.heads))
    definitions: dict[str, Expression] = {}
    for layer, rows in enumerate(weights, start=1):
        candidates = architecture.candidates.expressions([*inputs, *outputs])
        table = candidate_values(architecture, np.concatenate([x, values], axis=1))
        rows = pruned(rows, table, threshold)
        names = [f"h{layer}_{head + 1}" for head in range(len(rows))]
        for name, row in zip(names, rows, strict=True):
            parts = [constant(row[b]) * candidates[b] for b in np.flatnonzero(row)]
            definitions[name] = total(parts).canonical()
        outputs, values = [variable(name) for name in names], table @ rows.T
    return Readout(definitions, total(outputs))


@implicit_broadcasting()
def candidate_values(
    architecture: Architecture, u: Float[np.ndarray, "B U"]
) -> Float[np.ndarray, "B V"]:
    """Every candidate's value in float64."""
    with jax.enable_x64(True):
        return np.asarray(_values(architecture, jnp.asarray(u, jnp.float64)))


@partial(jax.jit, static_argnums=0)
def _values(architecture: Architecture, u: Float[Array, "B U"]) -> Float[Array, "B V"]:
    return architecture.candidates.values(u)


def pruned(
    rows: Float[np.ndarray, "k V"], table: Float[np.ndarray, "B V"], threshold: float
) -> Float[np.ndarray, "k V"]:
    """Weights without those that move a head by less than a share of all that moves it."""
    share = np.abs(rows) * np.std(table, axis=0)
    return np.where(share >= threshold * share.sum(axis=1, keepdims=True), rows, 0.0)


def total(parts: Sequence[Expression]) -> Expression:
    """The sum of expressions; zero if there are none."""
    return reduce(lambda a, b: a + b, parts) if parts else literal(0)
