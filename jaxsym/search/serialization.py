"""Fitted models as JSON; the equations in it are parsed, never evaluated."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsym._check import require, shown, unknown_name
from jaxsym._files import write_file
from jaxsym.expr import OPERATORS, Expression, Operator, parse
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.tolerances import ROUNDING

_FORMAT = 1
_NUMBERS = ("variance", "samples", "noise", "rounding", "exponent")  # of a front
_FORMER = {"rounding": ROUNDING, "exponent": 2.0}  # of files of the version before
_LARGEST = 2**26  # bytes of a model's file; a front of 100 long equations has 100 KB
# unless they are text
_NOT_SAVED = ("callback", "constraints", "engine", "loss", "operators", "selection")


def front_to_json(front: ParetoFront) -> dict[str, Any]:
    """A front in plain JSON types."""
    rows = [
        {
            "complexity": candidate.complexity,
            "loss": candidate.loss,
            "score": candidate.score,
            "expression": str(candidate.expression),
        }
        for candidate in front
    ]
    numbers = {name: getattr(front, name) for name in _NUMBERS}
    return numbers | {"candidates": rows}


def front_from_json(
    stored: Mapping[str, Any],
    variables: tuple[str, ...],
    operators: Mapping[str, Operator] = OPERATORS,
) -> ParetoFront:
    """The front that `front_to_json` wrote.

    Raises:
      ValueError: something is missing, is no formula of these variables and operators, or is no
        number that a front can have; a front without candidates.

    >>> front = ParetoFront((Candidate(parse("2.5*x"), 3, 0.1),), 1.0, 10)
    >>> front_from_json(front_to_json(front), ("x",)) == front
    True
    """

    def expression(text: str) -> Expression:
        if "rounding" not in stored:  # the version before wrote a variable E as it wrote the number
            return parse(text, variables=variables, operators=operators)
        found = parse(text, operators=operators)
        for name in found.variables:
            if name not in variables:
                raise unknown_name("variable", name, variables)
        return found

    try:
        rows = tuple(
            Candidate(
                expression(row["expression"]),
                int(row["complexity"]),
                float(row["loss"]),
                float(row["score"]),
            )
            for row in stored["candidates"]
        )
        numbers = [float((_FORMER | dict(stored))[name]) for name in _NUMBERS]
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a front as it is saved: {shown(repr(error))}") from error
    require(len(rows) > 0, "not a front as it is saved: it has no candidates")
    sizes = [*numbers, *(c.loss for c in rows), *(c.complexity for c in rows)]
    usable = all(math.isfinite(size) and size >= 0 for size in sizes)
    require(usable, "not a front as it is saved: a number is negative or not finite")
    return ParetoFront(rows, *numbers)


def parameters_to_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an estimator that JSON can hold."""
    kept = {}
    for name, value in parameters.items():
        if name in _NOT_SAVED and not isinstance(value, str):
            continue
        if name == "guesses":
            value = [str(guess) for guess in value]
        if isinstance(value, np.random.RandomState):
            continue
        kept[name] = list(value) if isinstance(value, tuple) else value
    return kept


def write_model(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a model's content, whole or not at all.

    Raises:
      TypeError: a parameter that JSON cannot hold.
    """
    text = json.dumps({"jaxsym_model": _FORMAT, **content}, indent=2, default=_plain) + "\n"
    write_file(path, lambda made: made.write_text(text, encoding="utf-8"), replace=True)


def _plain(value: Any) -> Any:
    """numpy's numbers and arrays as Python's."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a parameter is a {type(value).__name__}, which JSON cannot hold")


def read_model(path: str | Path) -> dict[str, Any]:
    """The content of a model's file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: it is not JSON, or not of a model, or a part of it is missing.
    """
    path = Path(path)
    require(path.stat().st_size <= _LARGEST, f"{path.name} is larger than {_LARGEST} bytes")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is not JSON: {shown(error)}") from error
    known = isinstance(content, dict) and content.get("jaxsym_model") == _FORMAT
    require(known, f"{path.name} is no saved model of jaxsym (format {_FORMAT})")
    for name, (fits, expected) in _ENTRIES.items():
        require(name in content, f"{path.name} lacks '{name}'")
        value = content[name]
        require(fits(value), f"{path.name}: {name} is {shown(value)}; expected {expected}")
    targets = len(content["fronts"])
    require(
        targets == 1 if content["single"] else targets > 0,
        f"{path.name} has {targets} fronts; expected one for each target",
    )
    return content


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


_ENTRIES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "parameters": (lambda value: isinstance(value, dict), "an object"),
    "variables": (lambda value: _texts(value) and len(value) > 0, "a list of names"),
    "feature_names": (lambda value: value is None or _texts(value), "a list of names, or null"),
    "single": (lambda value: isinstance(value, bool), "true or false"),
    "fronts": (lambda value: isinstance(value, list) and len(value) > 0, "a list of fronts"),
}
