"""A trained network and what it is for: proposals for tables, and their equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Key, PyTree

from jaxsym._check import require, unknown_name
from jaxsym._settings import default_settings
from jaxsym.expr import Expression
from jaxsym.nesymres.model.config import ModelConfig
from jaxsym.nesymres.model.decoding import decode
from jaxsym.nesymres.model.transformer import NeSymReS, compute_dtype, init_params
from jaxsym.nesymres.model.weights import (
    Weights,
    check_compatible,
    load_weights,
    pretrained_weights,
)
from jaxsym.nesymres.skeletons.algebra import Algebra
from jaxsym.nesymres.skeletons.coefficients import UndefinedError
from jaxsym.nesymres.tables import Table, make_table, stack_tables
from jaxsym.nesymres.vocabulary import ID, SIZE, TOKENS, VARIABLES, from_ids, to_expression


class Proposal(NamedTuple):
    """One equation that the network wrote.

    Attributes:
      tokens: in the vocabulary, canonical.
      expression: in the table's variables and units; its constants are still to be fitted.
      log_probability: that the network gives to it; the most probable of its spellings.
    """

    tokens: tuple[str, ...]
    expression: Expression
    log_probability: float


@dataclass(frozen=True)
class Pretrained:
    """A network with its weights.

    Attributes:
      config: sizes.
      params: weights.
      about: how they were trained.
    """

    config: ModelConfig
    params: PyTree
    about: Mapping[str, Any]

    def propose(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, " n"],
        beam: int = 32,
        *,
        variables: Sequence[str] | None = None,
        key: Key[Array, ""] | None = None,
        tokens: Sequence[str] = TOKENS,
        most: int | None = None,
    ) -> list[Proposal]:
        """Equations that may explain a table, the most probable first.

        Args:
          X: `[n, V]` points.
          y: `[n]` values.
          beam: equations kept by the beam search; fewer come back, since different spellings of
            one equation count once.
          variables: names of the columns; x_1, x_2, ... by default.
          key: with one, equations are drawn at random instead.
          tokens: of the vocabulary, of which equations may consist.
          most: tokens of an equation; by default as many as the network knows.

        Raises:
          ValueError: see `propose_many`.
        """
        names = None if variables is None else [variables]
        (found,) = self.propose_many(
            [(X, y)], beam, variables=names, key=key, tokens=tokens, most=most
        )
        return found

    @default_settings()
    def propose_many(
        self,
        tables: Sequence[tuple[Float[ArrayLike, "n V"], Float[ArrayLike, " n"]]],
        beam: int = 32,
        *,
        variables: Sequence[Sequence[str]] | None = None,
        key: Key[Array, ""] | None = None,
        tokens: Sequence[str] = TOKENS,
        most: int | None = None,
    ) -> list[list[Proposal]]:
        """`propose` for T tables in one call; they may differ in rows and columns.

        Args:
          tables, beam, variables, key, tokens, most: as for `propose`.

        Raises:
          ValueError: no table, shapes that do not match, values that are not finite, fewer than
            two points, more variables than the network knows, an unknown token, or a beam that is
            no positive whole number.
        """
        require(len(tables) > 0, "tables is empty; expected at least one")
        whole = isinstance(beam, int | np.integer)
        require(whole and beam >= 1, f"beam={beam!r}; expected a whole number of at least 1")
        for token in tokens:
            if token not in ID:
                raise unknown_name("token", token, TOKENS)
        checked = [make_table(X, y, self.config.variables) for X, y in tables]
        names = (
            [list(VARIABLES[: t.X.shape[1]]) for t in checked] if variables is None else variables
        )
        for table, row in zip(checked, names, strict=True):
            require(
                len(row) == table.X.shape[1],
                f"{len(row)} variables named; X has {table.X.shape[1]} columns",
            )
        X, y, mask = stack_tables(checked, self.config.variables, np.random.default_rng(0))
        found = decode(
            NeSymReS(self.config, compute_dtype()),
            self.params,
            X,
            y,
            mask,
            np.stack([_allowed(table, tokens) for table in checked]),
            jax.random.key(0) if key is None else key,
            # with the start and the end
            np.int32(self.config.length if most is None else most + 2),
            beam=beam,
            sample=key is not None,
        )
        rows = zip(np.asarray(found.tokens), np.asarray(found.log_probability), strict=True)
        return [
            _proposals(ids, scores, table, row)
            for (ids, scores), table, row in zip(rows, checked, names, strict=True)
        ]


def load_pretrained(name: str = "small") -> Pretrained:
    """A network that comes with the package; nothing is downloaded.

    Args:
      name: of the weights, or the path of a ``.safetensors`` file.

    Raises:
      ValueError: an unknown name; weights that are damaged, of another version or another model.

    >>> load_pretrained("small").config.variables
    3
    """
    weights = load_weights(name) if name.endswith(".safetensors") else pretrained_weights(name)
    return from_weights(weights)


def from_weights(weights: Weights) -> Pretrained:
    """The network of some weights, checked against its configuration.

    Raises:
      ValueError: a weight that is missing, unknown or of another shape.
    """
    model = NeSymReS(weights.config)
    expected = jax.eval_shape(lambda key: init_params(model, key), jax.random.key(0))
    check_compatible(weights.params, expected)
    params = jax.tree.map(jnp.asarray, weights.params)
    return Pretrained(weights.config, params, weights.about)


def _allowed(table: Table, tokens: Sequence[str]) -> Bool[np.ndarray, " 60"]:
    """Tokens that equations of a table may consist of: of those asked for, with its variables."""
    allowed = np.zeros(SIZE, bool)
    allowed[[ID[token] for token in tokens]] = True
    allowed[[ID[token] for token in VARIABLES[table.X.shape[1] :]]] = False
    return allowed


def _proposals(
    ids: np.ndarray, scores: np.ndarray, table: Table, variables: Sequence[str]
) -> list[Proposal]:
    """Different equations among decoded ones, in their order."""
    algebra = Algebra()
    found: dict[tuple[str, ...], Proposal] = {}
    for row, score in zip(ids, scores, strict=True):
        if not np.isfinite(score):
            continue
        try:
            tokens = algebra.canonical(from_ids(row))
        except UndefinedError:
            continue
        if tokens not in found and all(token in ID for token in tokens):
            expression = table.unscale(to_expression(tokens, variables), variables)
            found[tokens] = Proposal(tokens, expression, float(score))
    return list(found.values())
