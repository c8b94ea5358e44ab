"""The network behind the protocol of the engines: alone, and as the native search's first guess."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym.expr import Expression, Operator
from jaxsym.nesymres.pretrained import Pretrained, load_pretrained
from jaxsym.nesymres.solving import fit_proposals, to_front
from jaxsym.nesymres.vocabulary import BINARY, TOKENS, UNARY
from jaxsym.search.front import ParetoFront
from jaxsym.search.native import NativeEngine
from jaxsym.search.problem import Problem, make_problems
from jaxsym.search.protocol import SEARCHED, Callback, Progress
from jaxsym.search.steering import Steering

_GUESSES = 12  # fitted proposals per target that the native search starts from
# what an operator of the vocabulary needs of the user's table, one of these at least
_NEEDS = {"ln": {"log"}, "pow": {"pow", "square", "cube", "inv", "div"}, "div": {"div", "inv"}}


@functools.cache
def _small() -> Pretrained:
    return load_pretrained("small")


@dataclass(frozen=True)
class NeSymReSEngine:
    """Equations that a pretrained network proposes, with fitted and snapped constants.

    Attributes:
      network: of `load_pretrained`; the one that comes with the package when None.
      beam: width of the beam search.
      restarts: starts of every fit.
    """

    network: Pretrained | None = None
    beam: int = 32
    restarts: int = 4

    def search(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, " n"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, " n"] | None = None,
        operators: Mapping[str, Operator] = SEARCHED,
        max_complexity: int = 30,
        steering: Steering | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> ParetoFront:
        """Search for one target; see `jaxsym.search.Engine.search`.

        Raises:
          ValueError: also for more variables than the network knows.
        """
        target = np.asarray(y)
        require(target.ndim == 1, f"y has shape {target.shape}; expected [n]")
        return self.search_many(
            X,
            target[:, None],
            variables=variables,
            key=key,
            weights=weights,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
            time_limit=time_limit,
            callback=callback,
        )[0]

    def search_many(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, "n k"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, "n k"] | None = None,
        operators: Mapping[str, Operator] = SEARCHED,
        max_complexity: int = 30,
        steering: Steering | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> tuple[ParetoFront, ...]:
        """Search for several targets, read and fitted in one batch each; see `Engine.search_many`.

        Takes about the same time whatever `time_limit` says, since nothing is searched step by
        step.
        """
        problems = make_problems(
            X,
            y,
            weights,
            variables=variables,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
        )
        began = time.monotonic()
        fronts = []
        for number, (problem, found) in enumerate(
            zip(problems, self.proposals(problems, key), strict=True)
        ):
            fronts.append(to_front(problem, found))
            if callback is not None:
                seconds = time.monotonic() - began
                callback(Progress("proposals", number, seconds, fronts[-1]))
        return tuple(fronts)

    def proposals(self, problems: Sequence[Problem], key: Key[Array, ""]) -> list[list[Expression]]:
        """Fitted proposals of the network for each target."""
        network = self.network or _small()
        tables = [(p.X[p.weights > 0], p.y[p.weights > 0]) for p in problems]
        proposed = network.propose_many(
            tables,
            self.beam,
            variables=[p.variables for p in problems],
            tokens=_tokens(problems[0].operators),
        )
        return fit_proposals(problems, proposed, key=key, restarts=self.restarts)


@dataclass(frozen=True)
class HybridEngine(NeSymReSEngine):
    """The native engine, begun with the network's proposals.

    Where the network knows too few variables the native engine works alone.

    Attributes:
      native: the engine that goes on from there.
    """

    native: NativeEngine = NativeEngine()

    def search_many(
        self,
        X: Float[ArrayLike, "n V"],
        y: Float[ArrayLike, "n k"],
        *,
        variables: Sequence[str],
        key: Key[Array, ""],
        weights: Float[ArrayLike, "n k"] | None = None,
        operators: Mapping[str, Operator] = SEARCHED,
        max_complexity: int = 30,
        steering: Steering | None = None,
        time_limit: float | None = None,
        callback: Callback | None = None,
    ) -> tuple[ParetoFront, ...]:
        """Search for several targets; see `jaxsym.search.Engine.search_many`."""
        problems = make_problems(
            X,
            y,
            weights,
            variables=variables,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
        )
        began = time.monotonic()
        steering = steering or Steering()
        network_key, native_key = jax.random.split(key)
        if len(variables) <= (self.network or _small()).config.variables:
            guesses = [
                expression
                for problem, found in zip(
                    problems, self.proposals(problems, network_key), strict=True
                )
                for expression in sorted(found, key=problem.loss)[:_GUESSES]
            ]
            steering = replace(steering, guesses=[*steering.guesses, *guesses])
        if time_limit is not None:
            time_limit = max(0.1, time_limit - (time.monotonic() - began))
        return self.native.search_many(
            X,
            y,
            variables=variables,
            key=native_key,
            weights=weights,
            operators=operators,
            max_complexity=max_complexity,
            steering=steering,
            time_limit=time_limit,
            callback=callback,
        )


def _tokens(operators: Mapping[str, Operator]) -> list[str]:
    """The tokens of the vocabulary that equations of these operators need."""

    def usable(token: str) -> bool:
        if token not in (*UNARY, *BINARY):
            return True
        return bool(_NEEDS.get(token, {token}) & operators.keys())

    return [token for token in TOKENS if usable(token)]
