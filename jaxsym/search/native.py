"""The native engine: stages that hand on to each other and stop as soon as the answer is exact."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from jaxsym._check import require
from jaxsym.expr import Operator
from jaxsym.search.front import ParetoFront
from jaxsym.search.pool import Pool
from jaxsym.search.problem import make_problems
from jaxsym.search.protocol import SEARCHED, Callback, Progress
from jaxsym.search.refine import finish, fit_guesses, polish
from jaxsym.search.stages import Effort, Stages
from jaxsym.search.steering import Steering

_UNTIL = 0.8  # share of the time after which no stage begins; the rest is for final fits


@dataclass(frozen=True)
class NativeEngine:
    """Enumeration, linear algebra and nonlinear fits; needs nothing but JAX.

    Attributes:
      effort: sizes of the stages.
    """

    effort: Effort = Effort()

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
        """Search for one target; see `Engine.search`."""
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
        """Search for several targets that share one library; see `Engine.search_many`."""
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
        stages = Stages(problems, self.effort, key)
        pools = [Pool(problem) for problem in problems]
        try:
            for target, pool in enumerate(pools):
                fit_guesses(pool, key)
                share = None if time_limit is None else time_limit * (target + 1) / len(pools)
                for stage in stages.run(pool):
                    seconds = time.monotonic() - began
                    if callback is not None:
                        callback(Progress(stage, target, seconds, pool.front()))
                    if pool.exact or (share is not None and seconds > _UNTIL * share):
                        break
                if not pool.exact:
                    polish(pool, key)
                finish(pool)
        except KeyboardInterrupt:
            pass  # the fronts hold the best so far
        return tuple(pool.front() for pool in pools)
