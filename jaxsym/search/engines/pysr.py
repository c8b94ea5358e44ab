"""PySR (Cranmer 2023, arXiv 2305.01582) as an engine, where it is installed with its Julia.

Importing PySR without Julia would download it, so that it is imported only if it is set up.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jaxsym.search.engines.external import ExternalEngine
from jaxsym.search.engines.optional import backends
from jaxsym.search.problem.problem import Problem

_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^", "min": "min", "max": "max"}
_UNARY = (
    *("neg", "inv", "square", "cube", "sqrt", "abs", "exp", "log", "sin", "cos", "tan", "asin"),
    *("acos", "atan", "sinh", "cosh", "tanh", "asinh", "sign"),
)
_LOG = logging.getLogger("jaxsym.search")


class PySREngine(ExternalEngine):
    """PySR's evolution, in one process and one thread, so that a seed gives the same equations.

    Args:
      settings: further arguments of `PySRRegressor`, which take precedence.

    Raises:
      ModuleNotFoundError: PySR or its Julia is not there.
    """

    name = "pysr"

    def __init__(self, **settings: Any):
        state = next(backend for backend in backends() if backend.name == "pysr")
        if not state.available:
            raise ModuleNotFoundError(
                f"engine 'pysr' cannot be used: {state.detail}. To install: {state.install}"
            )
        self.settings = settings

    def equations(
        self, problem: Problem, *, names: Sequence[str], seed: int, time_limit: float | None
    ) -> Iterable[str]:
        """The hall of fame of one search in float64."""
        try:
            from pysr import PySRRegressor
        except Exception as error:  # whatever a broken Julia raises
            raise ModuleNotFoundError(f"engine 'pysr' cannot be started: {error}") from error
        options = pysr_settings(problem, seed=seed, time_limit=time_limit) | self.settings
        model = PySRRegressor(**options)
        uneven = float(np.ptp(problem.weights)) > 0
        model.fit(
            problem.X,
            problem.y,
            weights=problem.weights if uneven else None,
            variable_names=list(names),
        )
        return list(model.equations_["equation"])


def pysr_settings(problem: Problem, *, seed: int, time_limit: float | None) -> dict[str, Any]:
    """Arguments of `PySRRegressor` for a problem."""
    binary = [_BINARY[name] for name in problem.operators if name in _BINARY]
    unary = [name for name in problem.operators if name in _UNARY]
    left_out = problem.operators.keys() - _BINARY.keys() - set(_UNARY)
    if left_out:
        _LOG.info("PySR searches without %s", ", ".join(sorted(left_out)))
    return {
        "binary_operators": binary,
        "unary_operators": unary,
        "maxsize": max(7, problem.max_complexity),
        "timeout_in_seconds": time_limit,
        "precision": 64,
        "deterministic": True,
        "parallelism": "serial",
        "random_state": seed,
        "progress": False,
        "verbosity": 0,
        "temp_equation_file": True,
    }
