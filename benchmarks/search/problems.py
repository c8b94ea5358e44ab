"""The problem sets of the search benchmark: formulas, samplers and units."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.development import Law, compositions, laws
from benchmarks.search.messages import MESSAGES
from jaxsym.expr import Expression, parse
from jaxsym.nesymres import Equation, load_test_set

POINTS = {
    "aif52": 128,
    "feynman": 128,
    "nguyen": 128,
    "soose": 512,
    "fastsrb": 512,
    "gn": 1000,
    "development": 200,
}
SETS = tuple(POINTS)
_SHIPPED = {"aif52": "aif", "nguyen": "nguyen", "soose": "soose"}  # names in the package
_DRAWS = 100  # times the number of points that are drawn until enough have a value
_SHORTEST = 0.3  # distance of bodies that is sampled
_COMPOSITIONS = 46  # random formulas beside the 104 of the development set: 150 in all
_DECADES = 30.0  # high over low from which a range of the development set is logarithmic


@dataclass(frozen=True)
class Column:
    """How a variable is sampled.

    Attributes:
      least, most: of the range.
      kind: "uni", "log" or "int" (uniform, rounded).
      signed: whether the sign is random.
    """

    least: float
    most: float
    kind: str = "uni"
    signed: bool = False

    def draw(self, rng: np.random.Generator, count: int, wider: bool) -> np.ndarray:
        """`[count]` values; `wider` extends the range by its width on either side."""
        low, high = (np.log10(x) if self.kind == "log" else x for x in (self.least, self.most))
        margin = (high - low) * wider
        values = rng.uniform(low - margin, high + margin, count)
        if self.kind == "log":
            values = 10**values
        elif self.kind == "int":
            values = np.round(values)
        return values * rng.choice([-1.0, 1.0], count) if self.signed else values


@dataclass(frozen=True)
class SearchProblem:
    """One equation to be found again.

    Attributes:
      name: unique in its set.
      truth: the equation.
      columns: by variable.
      units: exponents of base units by variable, and of the target under ""; None if unknown.
    """

    name: str
    truth: Expression
    columns: Mapping[str, Column]
    units: Mapping[str, tuple[float, ...]] | None = None

    def sample(
        self, seed: int, count: int, *, wider: bool = False
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """A table and exact targets; None where too few points have a value."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode()), wider])
        tables, targets, found = [], [], 0
        for _ in range(_DRAWS):
            table = np.column_stack([c.draw(rng, count, wider) for c in self.columns.values()])
            table = _with_distance(table, list(self.columns))
            values = self.truth.evaluate(table, list(self.columns))
            good = np.isfinite(values)
            tables.append(table[good])
            targets.append(values[good])
            found += int(good.sum())
            if found >= count:
                return np.concatenate(tables)[:count], np.concatenate(targets)[:count]
        return None


def load_set(name: str) -> list[SearchProblem]:
    """The problems of a set.

    Args:
      name: one of `SETS`.

    Raises:
      ValueError: an unknown name.
      ModuleNotFoundError: symbolic-data is needed and not installed.

    >>> [len(load_set(name)) for name in ("aif52", "nguyen", "soose", "gn", "development")]
    [52, 12, 200, 4, 150]
    """
    if name in _SHIPPED:
        return [_from_equation(equation) for equation in load_test_set(_SHIPPED[name])]
    if name == "gn":
        return [_from_row(*row) for row in MESSAGES]
    if name == "development":
        return [_from_law(law) for law in (*laws(), *compositions(_COMPOSITIONS))]
    if name in ("feynman", "fastsrb"):
        return [_from_catalog(*item) for item in _catalog(name).items()]
    raise ValueError(f"unknown set '{name}'; known: {', '.join(SETS)}")


def _from_equation(equation: Equation) -> SearchProblem:
    ranges = zip(equation.variables, equation.support.tolist(), strict=True)
    columns = {name: Column(*support) for name, support in ranges}
    return SearchProblem(equation.name, equation.expression, columns)


def _from_row(name: str, formula: str, ranges: str) -> SearchProblem:
    columns = {}
    for part in ranges.split(","):
        variable, least, most = part.split()
        columns[variable] = Column(float(least), float(most))
    return SearchProblem(name, parse(formula, variables=list(columns)), columns)


def _from_law(law: Law) -> SearchProblem:
    columns = {
        variable: Column(low, high, "log" if low > 0 and high / low > _DECADES else "uni")
        for variable, (low, high) in law.ranges.items()
    }
    return SearchProblem(law.name, parse(law.text, variables=list(columns)), columns)


def _with_distance(table: np.ndarray, names: list[str]) -> np.ndarray:
    """Of tables with dx and dy, r is their length; points too close to 0 are moved out."""
    if not {"dx", "dy", "r"} <= set(names):
        return table
    dx, dy, r = (names.index(name) for name in ("dx", "dy", "r"))
    length = np.hypot(table[:, dx], table[:, dy])
    grown = np.maximum(_SHORTEST / length, 1.0)
    table[:, [dx, dy]] *= grown[:, None]
    table[:, r] = length * grown
    return table


def _catalog(name: str) -> dict[str, Any]:
    """A file of symbolic-data, read as data: the package itself is not imported."""
    import yaml

    spec = importlib.util.find_spec("symbolic_data")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} needs symbolic-data: pip install 'jaxsym[bench]'")
    path = Path(spec.origin).parent / "benchmarks" / "data" / f"{name}.yaml"
    return yaml.safe_load(path.read_text())


def _from_catalog(name: str, entry: Mapping[str, Any]) -> SearchProblem:
    inputs = {v: row for v, row in entry["vars"].items() if v != "v0"}
    columns = {}
    for variable, row in inputs.items():
        least, most = map(float, row["sample_range"][:2])
        kind, sign = row["sample_type"]
        columns[variable] = Column(least, most, kind, sign == "pos_neg")
    text = entry["prepared"].replace("^", "**").replace("neg(", "(-1)*(")
    for number in ("3.141592653589793", "3.1415926535897"):
        text = text.replace(number, "pi")
    rows = {v: row.get("units") for v, row in {**inputs, "": entry["vars"]["v0"]}.items()}
    known = all(rows.values())
    units = {v: tuple(map(float, unit)) for v, unit in rows.items()} if known else None
    return SearchProblem(name, parse(text, variables=list(columns)), columns, units)
