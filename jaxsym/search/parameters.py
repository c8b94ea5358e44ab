"""The parameters of a `SymbolicRegressor`: names, defaults, and checks of each on its own."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np

from jaxsym._check import require, unknown_name
from jaxsym._deprecation import renamed_arguments
from jaxsym.expr import Expression, Operator
from jaxsym.search.engines.protocol import Callback, Engine
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.problem.constraints import Constraints, Nesting
from jaxsym.search.problem.dimensions import Unit

_SELECTIONS = ("description_length", "score", "accuracy")
_renamed = renamed_arguments(
    costs="complexity_of_operators",
    nesting="nested_constraints",
    dimensionless_constants="dimensionless_constants_only",
    target_units="y_units",
)


@dataclass(eq=False)
class Parameters:
    """What a search is asked for; `SymbolicRegressor` documents each parameter."""

    engine: str | Engine = "native"
    time_limit: float | None = None
    max_complexity: int = 30
    operators: Sequence[str | Operator] | None = None
    complexity_of_operators: Mapping[str, int] | None = None
    nested_constraints: Nesting | None = None
    required: Sequence[str] = ()
    constraints: Constraints | None = None
    guesses: Sequence[str | Expression] = ()
    template: str | None = None
    constants: Mapping[str, float | tuple[float, Unit]] | None = None
    units: Sequence[Unit] | Mapping[str, Unit] | None = None
    y_units: Unit | Sequence[Unit] | None = None
    dimensionless_constants_only: bool = True
    shared_form: bool = False
    loss: str | Callable[..., Any] = "squared"
    selection: str | Callable[[ParetoFront], Candidate] = "description_length"
    warm_start: bool = False
    callback: Callback | None = None
    random_state: int | np.random.RandomState | None = 0

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @_renamed
    def set_params(self, **parameters: Any) -> Self:
        """Change parameters.

        Raises:
          ValueError: an unknown name.
        """
        known = self.get_params()
        for name, value in parameters.items():
            if name not in known:
                raise unknown_name("parameter", name, known)
            setattr(self, name, value)
        return self

    def check(self) -> None:
        """Raise unless each parameter is of its kind, whatever the table.

        Raises:
          ValueError: one that is not; the message says what was expected.
        """
        limit = self.time_limit
        positive = limit is None or (_is_number(limit) and limit > 0)
        require(positive, f"time_limit={limit!r}; expected a positive number of seconds or None")
        size = self.max_complexity
        whole = isinstance(size, Integral) and size > 0
        require(whole, f"max_complexity={size!r}; expected > 0, a whole number")
        state = self.random_state
        require(
            state is None or isinstance(state, Integral | np.random.RandomState),
            f"random_state={state!r}; expected a whole number, a numpy RandomState or None",
        )
        small = not isinstance(state, Integral) or abs(state) < 2**63
        require(small, f"random_state={state}; expected less than 2**63 in size")
        require(
            callable(self.selection) or self.selection in _SELECTIONS,
            f"selection={self.selection!r}; expected one of {', '.join(_SELECTIONS)}, or a "
            "function of the front",
        )
        limits = self.constraints
        require(
            limits is None or isinstance(limits, Constraints),
            f"constraints={limits!r}; expected jaxsym.search.Constraints(...) or None",
        )
        require(
            isinstance(self.loss, str) or callable(self.loss),
            f"loss={self.loss!r}; expected a name or a function of predictions and targets",
        )
        template = self.template
        require(
            template is None or isinstance(template, str),
            f"template={template!r}; expected a formula as text",
        )
        require(
            self.callback is None or callable(self.callback),
            f"callback={self.callback!r}; expected a function of Progress",
        )
        for name in ("operators", "required", "guesses"):
            _check_list(name, getattr(self, name))
        for name in ("complexity_of_operators", "nested_constraints", "constants"):
            _check_mapping(name, getattr(self, name))
        for outer, inner in (self.nested_constraints or {}).items():
            _check_mapping(f"nested_constraints[{outer!r}]", inner)
        for name, value in (self.constants or {}).items():
            _check_constant(name, value)


# the constructor too takes the names of the version before
Parameters.__init__ = _renamed(Parameters.__init__)  # type: ignore[method-assign]


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)


def _check_list(name: str, value: Any) -> None:
    listed = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
    require(
        value is None or listed,
        f"{name}={value!r}; expected a list, such as {[value] if isinstance(value, str) else []}",
    )


def _check_mapping(name: str, value: Any) -> None:
    require(value is None or isinstance(value, Mapping), f"{name}={value!r}; expected a dictionary")


def _check_constant(name: str, value: Any) -> None:
    """A number, or a number with its unit."""
    require(
        isinstance(name, str) and name.isidentifier(), f"constant {name!r}: expected an identifier"
    )
    if isinstance(value, tuple | list):
        require(len(value) == 2, f"constant '{name}' is {value!r}; expected (number, unit)")
        value = value[0]
    usable = _is_number(value) and math.isfinite(value) and value != 0
    require(usable, f"constant '{name}' is {value!r}; expected a finite number other than 0")
