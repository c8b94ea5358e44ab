"""The parameters of a `SymbolicRegressor` read in view of a table: everything but the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float, Key

from jaxsym._check import require, unknown_name
from jaxsym.expr import OPERATORS, Expression, Operator, parse
from jaxsym.expr.fitting.correlation import effective_rows
from jaxsym.search.engines.protocol import DEFAULT_OPERATORS, Callback, Engine
from jaxsym.search.engines.registry import make_engine
from jaxsym.search.experiments import tied
from jaxsym.search.front.finalize import fitted_front
from jaxsym.search.front.other_losses import by_loss
from jaxsym.search.front.pareto import ParetoFront
from jaxsym.search.parameters import Parameters
from jaxsym.search.problem.constraints import (
    Constraints,
    Predicate,
    check_nesting,
    nested_within,
)
from jaxsym.search.problem.dimensions import Dimensions, Unit, read_dimensions
from jaxsym.search.problem.inputs import check_operator
from jaxsym.search.problem.losses import Loss
from jaxsym.search.problem.problem import Problem
from jaxsym.search.problem.weighting import Weighting, reconsidered, weighted
from jaxsym.search.reparametrize.templates import Template, read_template
from jaxsym.search.shared_form import share_forms
from jaxsym.search.table_search import TableSearch
from jaxsym.search.tolerances import SAME

_EXPERIMENTS = 3  # of which each is searched; the form is then fitted to all
_TURNS = 4  # in which equations tell how many rows are independent


@dataclass(frozen=True)
class Request:
    """Everything that a search needs but the data.

    Attributes:
      engine: what searches.
      operators: the table to search with.
      constraints: limits on expressions, and hints.
      dimensions: one per target, None without units.
      with_dimension: named constants that have one, by value.
      template: known structure, or None.
      shared_form: whether targets share one form.
      time_limit: seconds.
      callback: called with progress.
    """

    engine: Engine
    operators: Mapping[str, Operator]
    constraints: Constraints
    dimensions: tuple[Dimensions, ...] | None
    with_dimension: Mapping[str, float]
    template: Template | None
    shared_form: bool
    time_limit: float | None
    callback: Callback | None

    @classmethod
    def read(
        cls,
        given: Parameters,
        variables: tuple[str, ...],
        targets: int,
        start: Sequence[Expression],
    ) -> Request:
        """Read and check the parameters.

        Args:
          given: the parameters.
          variables: names of the table's columns.
          targets: how many there are.
          start: equations that a warm start begins with.

        Raises:
          ValueError: a parameter that cannot be worked with.
          ModuleNotFoundError: an engine whose package is not installed.
        """
        given.check()
        operators = read_operators(given.operators, given.complexity_of_operators)
        table = {**OPERATORS, **operators}
        plain, dimensional = _constants(given.constants or {}, variables)
        dimensions = _dimensions(given, variables, dimensional, targets)
        allowed = _limits(given, variables, table, dimensions)
        guesses = [_expression(guess, variables, table) for guess in given.guesses]
        values = {name: value for name, (value, _) in dimensional.items()}
        template = given.template and read_template(
            given.template, variables=variables, operators=operators
        )
        return cls(
            engine=make_engine(given.engine),
            operators=operators,
            constraints=_constrained(given, allowed, [*guesses, *start], {**plain, **values}),
            dimensions=dimensions,
            with_dimension=values,
            template=template or None,
            shared_form=given.shared_form and targets > 1,
            time_limit=given.time_limit,
            callback=given.callback,
        )

    def search(
        self,
        problems: Sequence[Problem],
        key: Key[Array, ""],
        *,
        weigh: bool,
        order: Float[np.ndarray, " n"] | None = None,
        loss: Loss | None = None,
        targets: Float[np.ndarray, "n k"] | None = None,
        experiments: bool = False,
    ) -> Found:
        """Search for all targets.

        Args:
          problems: one per target.
          key: PRNG key.
          weigh: whether rows get the weights that the table asks for.
          order: along which errors may be alike.
          loss: what is to be least in the place of squares.
          targets: as given, of which the loss is.
          experiments: whether the problems are experiments with one law.
        """
        plain = problems
        weightings = [_before(problem, weigh, loss) for problem in plain]
        problems = [weighting.problem for weighting in weightings]
        run = TableSearch(self.engine, key, self.time_limit, self.callback)
        searched = _largest(problems) if experiments else problems
        with np.errstate(all="ignore"):
            if self.template is not None:
                fronts = run.within(searched, self.template)
            elif self.dimensions:
                each = self.dimensions * (len(searched) if experiments else 1)
                fronts = run.with_units(searched, each, self.with_dimension)
            else:
                fronts = run.run(searched)
        one_form = self.shared_form or experiments
        if one_form:
            fronts = share_forms(problems, fronts, key)
        if experiments:
            fronts = tied(problems, fronts)
        settled = list(zip(weightings, fronts, strict=True))
        if loss is not None and targets is not None:
            columns = [targets] if loss.width == 2 else list(targets.T)
            settled = [_by_loss(*three, loss) for three in zip(plain, fronts, columns, strict=True)]
        elif not (one_form or run.interrupted):
            if weigh:
                settled = list(map(_reweighed, plain, weightings, fronts))
            if order is not None:
                settled = [_independent(*both, order) for both in settled]
        weightings, fronts = [w for w, _ in settled], tuple(f for _, f in settled)
        return Found(fronts, run.interrupted, tuple(run.cut_off), tuple(weightings))


def _largest(problems: Sequence[Problem]) -> list[Problem]:
    """The experiments in which forms are looked for: those that tell most."""
    return sorted(problems, key=lambda problem: -problem.samples)[:_EXPERIMENTS]


def _before(problem: Problem, weigh: bool, loss: Loss | None) -> Weighting:
    """The weights with which a search begins."""
    if loss is not None:
        problem = problem.derived(problem.weights * loss.first(problem.y))
    alike = np.ptp(problem.weights) <= SAME * problem.weights.max()
    return weighted(problem) if weigh and alike else Weighting(problem)


def _by_loss(
    problem: Problem, front: ParetoFront, y: np.ndarray, loss: Loss
) -> tuple[Weighting, ParetoFront]:
    """The front by a loss other than squares, and the weights of squares that stand for it."""
    squares, ranked = by_loss(front, problem, loss, y)
    return Weighting(squares), ranked


def _independent(
    weighting: Weighting, front: ParetoFront, order: Float[np.ndarray, " n"]
) -> tuple[Weighting, ParetoFront]:
    """The front with as many samples as what its equations leave lets there be.

    First the most accurate one tells how many, which may have taken errors for terms; then the one
    that is chosen, until it stays.
    """
    problem, teller = weighting.problem, front.candidates[-1] if len(front) else None
    for _ in range(_TURNS):
        if teller is None:
            break
        residual = teller.expression.evaluate(problem.X, problem.variables) - problem.y
        count = effective_rows(np.sqrt(problem.weights) * residual, order)
        problem = replace(problem, n_effective=count)
        front = fitted_front(front, problem)
        chosen = front.best() if len(front) else None
        if chosen is None or chosen.expression == teller.expression:
            break
        teller = chosen
    return weighting._replace(problem=problem), front


class Found(NamedTuple):
    """What a search has found.

    Attributes:
      fronts: one per target.
      interrupted: whether Ctrl-C, or an exception in the callback, ended it.
      cut_off: names of the stages that time did not allow, or not to the end.
      weightings: of the rows, one per target.
    """

    fronts: tuple[ParetoFront, ...]
    interrupted: bool
    cut_off: tuple[str, ...]
    weightings: tuple[Weighting, ...]


def _reweighed(
    plain: Problem, weighting: Weighting, front: ParetoFront
) -> tuple[Weighting, ParetoFront]:
    """The weights that the best equation asks for, and the front with these."""
    if not len(front):
        return weighting, front
    values = front.best().expression.evaluate(plain.X, plain.variables)
    again = reconsidered(weighting, plain, values)
    return again, front if again is weighting else fitted_front(front, again.problem)


def read_operators(
    operators: Sequence[str | Operator] | None,
    complexities: Mapping[str, int] | None = None,
) -> dict[str, Operator]:
    """The table to search with.

    Args:
      operators: names, and rows of the user's own; all of `DEFAULT_OPERATORS` by default.
      complexities: by name, where they are to be other than usual.

    Raises:
      ValueError: an unknown name, a complexity below 1, or a row that JAX cannot differentiate.

    >>> list(read_operators(["add", "mul"])), read_operators(["exp"], {"exp": 5})["exp"].cost
    (['add', 'mul'], 5)
    """
    table: dict[str, Operator] = {}
    for row in DEFAULT_OPERATORS if operators is None else operators:
        if isinstance(row, Operator):
            check_operator(row)
            table[row.name] = row
        elif isinstance(row, str) and row in OPERATORS:
            table[row] = OPERATORS[row]
        else:
            raise unknown_name("operator", str(row), OPERATORS)
    for name, cost in (complexities or {}).items():
        if name not in table:
            raise unknown_name("operator", name, table)
        whole = isinstance(cost, Integral) and cost >= 1
        require(whole, f"complexity of {name} is {cost!r}; expected a whole number, at least 1")
        table[name] = dataclasses.replace(table[name], cost=int(cost), guard=False)
    return table


def _expression(
    guess: str | Expression, variables: Sequence[str], table: Mapping[str, Operator]
) -> Expression:
    if isinstance(guess, str):
        return parse(guess, variables=variables, operators=table)
    known = isinstance(guess, Expression)
    require(known, f"guess {guess!r}: expected a formula as text or an Expression")
    for name in guess.variables:
        if name not in variables:
            raise unknown_name("variable", name, variables)
    return guess


def _constants(
    given: Mapping[str, Any], variables: Sequence[str]
) -> tuple[dict[str, float], dict[str, tuple[float, Unit]]]:
    """Named constants without a unit, and those with one."""
    plain: dict[str, float] = {}
    dimensional: dict[str, tuple[float, Unit]] = {}
    for name, value in given.items():
        require(name not in variables, f"constant '{name}' is also a variable")
        if isinstance(value, tuple | list):
            number, unit = value
            dimensional[name] = float(number), unit
        else:
            plain[name] = float(value)
    return plain, dimensional


def _dimensions(
    given: Parameters,
    variables: tuple[str, ...],
    named: Mapping[str, tuple[float, Unit]],
    targets: int,
) -> tuple[Dimensions, ...] | None:
    """The dimensions of each target's problem."""
    if given.units is None:
        require(
            given.y_units is None and not named,
            "y_units and constants with units need the variables' units too",
        )
        return None
    require(given.y_units is not None, "units need y_units too")
    require(given.template is None, "units and a template cannot be combined")
    each = _unit_of_each(given.y_units, targets)
    require(
        given.dimensionless_constants_only or all(unit == each[0] for unit in each),
        "targets of different units need dimensionless_constants_only=True",
    )
    units = given.units
    of_named = {name: unit for name, (_, unit) in named.items()}
    if isinstance(units, Mapping):
        units = {**units, **of_named}
    elif not isinstance(units, str):
        units = [*units, *of_named.values()]
    return tuple(
        read_dimensions(
            (*variables, *named), units, unit, free_constants=not given.dimensionless_constants_only
        )
        for unit in each
    )


def _unit_of_each(given: Any, targets: int) -> Sequence[Unit]:
    """The unit of each target: one for all, or a list."""
    if isinstance(given, str) or all(isinstance(part, Real) for part in given):
        return [given] * targets
    require(len(given) == targets, f"{len(given)} y_units given for {targets} targets")
    return given


def _constrained(
    given: Parameters, allowed: Predicate, guesses: list[Expression], named: Mapping[str, float]
) -> Constraints:
    """The user's constraints, and what other parameters say."""
    own = given.constraints or Constraints()
    return dataclasses.replace(
        own,
        allowed=lambda expression: allowed(expression) and own.allowed(expression),
        guesses=[*guesses, *own.guesses],
        named={**named, **own.named},
    )


def _limits(
    given: Parameters,
    variables: tuple[str, ...],
    table: Mapping[str, Operator],
    dimensions: tuple[Dimensions, ...] | None,
) -> Callable[[Expression], bool]:
    """Whether an expression is within the user's limits."""
    required, nesting = set(given.required), given.nested_constraints or {}
    for name in required:
        if name not in variables:
            raise unknown_name("variable", name, variables)
    check_nesting(nesting, table)
    free = [d for d in dimensions or () if d.free_constants]

    def allowed(expression: Expression) -> bool:
        return (
            required <= set(expression.variables)
            and nested_within(expression, nesting)
            and (not free or any(d.allow(expression) for d in free))
        )

    return allowed
