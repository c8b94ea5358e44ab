"""The engines of the search benchmark, all called in the same way."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.search.problems import SearchProblem
from jaxsym.expr import Expression, Operator, apply, constant, literal, parse, variable
from jaxsym.search import NativeEngine, SymbolicRegressor
from jaxsym.search.native.budget import SearchBudget

# A budget of work in place of seconds, for comparing two versions of the search on any machine:
# about a sixth of the usual sizes, and eight generations of the evolution. A formula that is not
# found takes some six seconds of a core, and the development set's 150 some six minutes.
WORK = SearchBudget(
    library=2000,
    points=128,
    rows=384,
    pairs=40,
    refined=30,
    refined_points=256,
    small=800,
    terms=1500,
    beams=12,
    generations=8,
)

# The same for all engines that have them.
_OPERATORS = (
    *("add", "sub", "mul", "div", "neg", "inv", "pow", "square", "cube", "sqrt", "abs"),
    *("exp", "log", "sin", "cos", "tan", "asin", "tanh"),
)


class Answer(NamedTuple):
    """What an engine says: the equation that it selects, and all that it offers."""

    selected: Expression | None
    front: list[Expression]


# Of a problem, X, y, a seed and seconds.
Solver = Callable[[SearchProblem, np.ndarray, np.ndarray, int, float], Answer]


def jaxsym_solver(engine: str, *, units: bool = False) -> Solver:
    """`SymbolicRegressor` with one of its engines, told of units or not."""

    def solve(
        problem: SearchProblem, X: np.ndarray, y: np.ndarray, seed: int, time_limit: float
    ) -> Answer:
        options: dict[str, Any] = {}
        if units:
            assert problem.units is not None
            known = dict(problem.units)
            options = {"y_units": known.pop(""), "units": known}
            options["dimensionless_constants_only"] = False
        model = SymbolicRegressor(
            engine=engine,
            time_limit=time_limit,
            operators=_OPERATORS,
            random_state=seed,
            **options,
        )
        model.fit(X, y, variables=list(problem.columns))
        return _answer(model)

    return solve


def _answer(model: SymbolicRegressor) -> Answer:
    front = [candidate.expression for candidate in model.fronts_[0]]
    return Answer(model.expression_, front)  # type: ignore[arg-type]


def native_work(
    problem: SearchProblem, X: np.ndarray, y: np.ndarray, seed: int, time_limit: float
) -> Answer:
    """The native search with the budget `WORK` and no time limit."""
    model = SymbolicRegressor(engine=NativeEngine(WORK), operators=_OPERATORS, random_state=seed)
    model.fit(X, y, variables=list(problem.columns))
    return _answer(model)


def operon_alone(
    problem: SearchProblem, X: np.ndarray, y: np.ndarray, seed: int, time_limit: float
) -> Answer:
    """pyoperon as it comes: its own front and its own choice, constants in float32."""
    from pyoperon.sklearn import SymbolicRegressor as Operon

    model = Operon(
        allowed_symbols="add,sub,mul,div,pow,square,sqrt,abs,exp,log,sin,cos,tan,asin,tanh,"
        "constant,variable",
        objectives=["r2", "length"],
        optimizer_iterations=10,
        population_size=1000,
        max_length=30,
        generations=2**31 - 1,
        max_evaluations=2**31 - 1,
        epsilon=0.0,
        max_time=max(1, int(time_limit)),
        random_state=seed,
    )
    spread = float(np.std(y)) or 1.0
    model.fit(X, y / spread)
    names = list(problem.columns)

    def read(tree: Any) -> Expression:
        text = model.get_model_string(tree, precision=50, names=names).replace("^", "**")
        return parse(f"{spread!r}*({text})", variables=names)

    return Answer(read(model.model_), [read(row["tree"]) for row in model.pareto_front_])


def gplearn(
    problem: SearchProblem, X: np.ndarray, y: np.ndarray, seed: int, time_limit: float
) -> Answer:
    """gplearn, a generation at a time until the time is over; its front is the best of each."""
    from gplearn.genetic import SymbolicRegressor as Evolution

    began = time.monotonic()
    model = Evolution(
        population_size=1000,
        function_set=("add", "sub", "mul", "div", "sqrt", "log", "inv", "sin", "cos", "neg"),
        parsimony_coefficient=0.001,
        warm_start=True,
        random_state=seed,
    )
    found: dict[str, float] = {}
    for generation in itertools.count(1):
        model.set_params(generations=generation).fit(X, y)
        program = model._program
        found[str(program)] = program.raw_fitness_
        if program.raw_fitness_ == 0 or time.monotonic() - began > 0.95 * time_limit:
            break
    front = [_from_gplearn(text, list(problem.columns)) for text in sorted(found, key=found.get)]
    return Answer(front[0], front)


def _from_gplearn(text: str, names: list[str]) -> Expression:
    """A program of gplearn, whose roots and logarithms are those of the argument's size."""
    placed = {f"X{place}": variable(name) for place, name in enumerate(names)}

    def join(operator: Operator, arguments: list[Expression]) -> Expression:
        if operator.name in ("sqrt", "log"):
            arguments = [abs(argument) for argument in arguments]
        return apply(operator.name, *arguments)

    found = parse(text, variables=list(placed))
    return found.fold(
        variable=placed.__getitem__,
        constant=lambda slot: constant(found.constants[slot]),
        literal=literal,
        apply=join,
    )


SOLVERS: Mapping[str, Solver] = {
    "native": jaxsym_solver("native"),
    "native-work": native_work,
    "native+units": jaxsym_solver("native", units=True),
    "nesymres": jaxsym_solver("nesymres"),
    "hybrid": jaxsym_solver("hybrid"),
    "operon": jaxsym_solver("operon"),
    "pyoperon": operon_alone,
    "gplearn": gplearn,
    "pysr": jaxsym_solver("pysr"),
}
