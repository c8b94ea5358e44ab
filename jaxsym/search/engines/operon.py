"""Operon (Burlacu, Kronberger and Kommenda 2020) as an engine, by its Python package pyoperon.

It computes in float32 and without weights; its equations are fitted again in float64 and with them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence

from jaxsym.search.engines.external import ExternalEngine
from jaxsym.search.problem.problem import Problem

_SYMBOLS = {  # ours -> Operon's
    **{name: name for name in ("add", "sub", "mul", "div", "pow", "square", "sqrt", "abs")},
    **{name: name for name in ("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: name for name in ("sinh", "cosh", "tanh")},
    "min": "fmin",
    "max": "fmax",
}
_ENDLESS = 2**31 - 1
_GENERATIONS = 200  # of a search without a time limit


class OperonEngine(ExternalEngine):
    """Genetic programming in C++ with constants by Levenberg-Marquardt.

    Args:
      population: equations at a time.
      iterations: steps of each fit of constants.
      threads: of the processor.

    Raises:
      ModuleNotFoundError: pyoperon is not installed.
    """

    name = "operon"

    def __init__(self, *, population: int = 1000, iterations: int = 10, threads: int = 1):
        if importlib.util.find_spec("pyoperon") is None:
            raise ModuleNotFoundError(
                "engine 'operon' needs pyoperon: pip install 'jaxsym[operon]'"
            )
        self.population, self.iterations, self.threads = population, iterations, threads

    def equations(
        self, problem: Problem, *, names: Sequence[str], seed: int, time_limit: float | None
    ) -> Iterable[str]:
        """The front of loss against length; time is limited to whole seconds, at least one."""
        from pyoperon.sklearn import SymbolicRegressor

        symbols = [_SYMBOLS[name] for name in problem.operators if name in _SYMBOLS]
        model = SymbolicRegressor(
            allowed_symbols=",".join([*symbols, "constant", "variable"]),
            objectives=["r2", "length"],
            optimizer="lm",
            optimizer_iterations=self.iterations,
            population_size=self.population,
            max_length=problem.max_complexity,
            generations=_GENERATIONS if time_limit is None else _ENDLESS,
            max_evaluations=_ENDLESS,
            epsilon=0.0,
            max_time=None if time_limit is None else max(1, int(time_limit)),
            n_threads=self.threads,
            random_state=seed,
        )
        # a target of any size loses digits in float32
        spread = problem.variance**0.5 or 1.0
        model.fit(problem.X, problem.y / spread)
        trees = [row["tree"] for row in model.pareto_front_]
        texts = [model.get_model_string(tree, precision=50, names=list(names)) for tree in trees]
        return [f"{float(spread)!r}*({text})" for text in texts]
