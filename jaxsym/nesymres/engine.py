"""The network behind the protocol of the engines: alone, and beside the native search."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym.expr import Expression, Operator
from jaxsym.nesymres.pretrained import Pretrained, load_pretrained
from jaxsym.nesymres.solving import fit_proposals, to_front
from jaxsym.nesymres.vocabulary import BINARY, TOKENS, UNARY
from jaxsym.search.engines.protocol import SEARCHED, Callback, Progress
from jaxsym.search.front.finalize import settle
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.native.engine import NativeEngine
from jaxsym.search.problem.constraints import Steering
from jaxsym.search.problem.problem import Problem, make_problems

_AT_ONCE = 0.05  # share of the time after which the network is asked
_SEARCH = 0.95  # share of the time until which late proposals are waited for
_PATIENCE = 10.0  # seconds at most that they are waited for
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
        fronts = self.read(problems, key)
        _tell(callback, fronts, began)
        return fronts

    def read(self, problems: Sequence[Problem], key: Key[Array, ""]) -> tuple[ParetoFront, ...]:
        """Fronts of the network's proposals, fitted and snapped, for each target."""
        network = self.network or _small()
        tables = [(p.X[p.weights > 0], p.y[p.weights > 0]) for p in problems]
        proposed = network.propose_many(
            tables,
            self.beam,
            variables=[p.variables for p in problems],
            tokens=_tokens(problems[0].operators),
        )
        fitted = fit_proposals(problems, proposed, key=key, restarts=self.restarts)
        return tuple(map(to_front, problems, fitted))


@dataclass(frozen=True)
class HybridEngine(NeSymReSEngine):
    """The native engine, which the network's proposals join.

    What the native engine does not solve at once is read by the network as well, in a thread of its
    own. The proposals join the search as soon as they are there: it ends if one is exact, and
    otherwise its evolution goes on from them. If they are late, since functions are compiled once
    in a process, they join the front at the end. Where the network knows too few variables the
    native engine works alone.

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
        first = 0.0 if time_limit is None else _AT_ONCE * time_limit
        end = math.inf if time_limit is None else began + _SEARCH * time_limit
        proposals = _Proposals(lambda: self.read(problems, jax.random.fold_in(key, 1)))

        def later() -> list[Expression]:
            if time.monotonic() - began < first:
                return []
            fronts = proposals.new()
            _tell(callback, fronts, began)
            return [candidate.expression for front in fronts for candidate in front]

        knows = len(variables) <= (self.network or _small()).config.variables
        steering = steering or Steering()
        fronts = self.native.search_many(
            X,
            y,
            variables=variables,
            key=key,
            weights=weights,
            operators=operators,
            max_complexity=max_complexity,
            steering=replace(steering, later=later) if knows else steering,
            time_limit=time_limit,
            callback=callback,
        )
        if all(map(_is_exact, problems, fronts)):
            return fronts
        late = proposals.new(min(max(end - time.monotonic(), 0.0), _PATIENCE))
        if not late:
            return fronts
        return tuple(
            settle(problem, [c.expression for c in (*read, *front)], refit=False)
            for problem, read, front in zip(problems, late, fronts, strict=True)
        )


class _Proposals:
    """What the network reads in a thread of its own, from when it is first asked for."""

    def __init__(self, read: Callable[[], tuple[ParetoFront, ...]]):
        self._read = read
        self._coming: Future[tuple[ParetoFront, ...]] | None = None
        self._told = False

    def new(self, timeout: float | None = None) -> tuple[ParetoFront, ...]:
        """The fronts if they are there and were not told before, otherwise none.

        Args:
          timeout: seconds to wait for what has been begun; None begins it and does not wait.
        """
        if self._coming is None and timeout is None:
            executor = ThreadPoolExecutor(1)
            self._coming = executor.submit(self._read)
            executor.shutdown(wait=False)
        if self._coming is None or self._told:
            return ()
        wait([self._coming], timeout or 0.0)
        self._told = self._coming.done()
        return self._coming.result() if self._told else ()


def _tell(callback: Callback | None, fronts: Sequence[ParetoFront], began: float) -> None:
    for number, front in enumerate(fronts):
        if callback is not None:
            callback(Progress("proposals", number, time.monotonic() - began, front))


def _is_exact(problem: Problem, front: ParetoFront) -> bool:
    return any(c.loss <= problem.rounding * problem.variance for c in front)


def _tokens(operators: Mapping[str, Operator]) -> list[str]:
    """The tokens of the vocabulary that equations of these operators need."""

    def usable(token: str) -> bool:
        if token not in (*UNARY, *BINARY):
            return True
        return bool(_NEEDS.get(token, {token}) & operators.keys())

    return [token for token in TOKENS if usable(token)]
