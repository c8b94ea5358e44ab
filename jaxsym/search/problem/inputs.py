"""What users bring to a fit, as arrays in float64; clear errors where that cannot be."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
import warnings
from collections.abc import Sequence
from numbers import Real
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import require
from jaxsym._memory import in_words, most_numbers
from jaxsym.expr import Operator

_MIN_ROWS = 2  # rows that a search needs
_NUMERIC = "biuf"  # kinds of numpy's types
# Of a table while it is searched: as read, scaled, dimensionless, and as its final fits see it.
_COPIES = 6
_MAX_SIZE = 1e150  # size of numbers whose squares are finite, and not 0


def read_table(X: Any) -> Float[np.ndarray, "n V"]:
    """A table of numbers as float64.

    Raises:
      TypeError: a sparse matrix, or an entry that is no number.
      ValueError: another shape, no row or column, complex or infinite numbers, NaN.

    >>> read_table([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if hasattr(X, "toarray"):
        raise TypeError("X is a sparse matrix; expected a dense table, such as X.toarray()")
    table = _numbers("X", X, column_names(X))
    require(
        table.ndim == 2,
        f"X has shape {table.shape}; expected [n, V]. Reshape your data: X.reshape(-1, 1) makes a "
        "table of one column",
    )
    rows, columns = table.shape
    require(
        rows > 0,
        f"Found array with 0 sample(s) (shape={table.shape}): X has no rows; expected some",
    )
    require(
        columns > 0,
        f"0 feature(s) (shape={table.shape}) while a minimum of 1 is required: X has no columns",
    )
    return _finite("X", table, column_names(X))


def read_targets(y: Any, rows: int) -> Float[np.ndarray, "n k"]:
    """Targets as `[n, k]`; one target may be `[n]`.

    Raises:
      TypeError, ValueError: as `read_table`, and another number of rows than X has.

    >>> read_targets([1, 2], 2).shape
    (2, 1)
    """
    if y is None:
        raise ValueError(
            "requires y to be passed, but the target y is None; expected [n] or [n, k]"
        )
    targets = _numbers("y", y, column_names(y))
    require(targets.ndim in (1, 2), f"y has shape {targets.shape}; expected [n] or [n, k]")
    if targets.ndim == 1:
        targets = targets[:, None]
    require(
        len(targets) == rows, f"y has {len(targets)} rows; X has {rows}; expected the same number"
    )
    require(targets.shape[1] > 0, f"y has shape {targets.shape}; expected at least one target")
    require(
        rows >= _MIN_ROWS,
        f"there is only 1 sample (one row); a search needs at least {_MIN_ROWS} rows",
    )
    return _finite("y", targets, column_names(y))


def check_size(rows: int, columns: int) -> None:
    """Whether a search of a table fits in memory.

    Args:
      rows: of the table.
      columns: of the table and its targets together.

    Raises:
      ValueError: it does not.

    >>> check_size(100, 3)
    """
    most = most_numbers(_COPIES) // columns
    require(
        rows <= most,
        f"X has {rows:,} rows of {columns:,} columns with the targets, whose search needs more "
        f"than {in_words()}; expected at most {most:,} rows: a part of them tells as much",
    )


def read_weights(
    weights: Any, sigma: Any, shape: tuple[int, ...]
) -> tuple[Float[np.ndarray, "n k"] | None, Float[np.ndarray, " k"] | None]:
    """Weights `[n, k]`, and the mean variance of the noise if it is known.

    Args:
      weights: inverse variances up to a factor: a number per row, or per row and target.
      sigma: standard deviations of the targets: a number, one per row, or per row and target.
      shape: of the targets.

    Raises:
      ValueError: both, another shape, weights that are negative or all zero, sigma not positive.

    >>> weights, noise = read_weights(None, 0.5, (3, 1))
    >>> weights.tolist(), noise.tolist()
    ([[4.0], [4.0], [4.0]], [0.25])
    """
    require(weights is None or sigma is None, "give sample_weight or sigma, not both")
    if sigma is not None:
        spread = _per_target("sigma", sigma, shape)
        require(bool(np.all(spread > 0)), "sigma has a value that is not positive")
        inverse = 1 / spread**2
        return inverse, 1 / inverse.mean(0)
    if weights is None:
        return None, None
    given = _per_target("sample_weight", weights, shape)
    require(bool(np.all(given >= 0)), "sample_weight has a negative value; expected none")
    require(bool(np.all(given.sum(0) > 0)), "sample_weight is all zero; expected a positive value")
    return given, None


def read_count(given: Any, rows: int) -> float:
    """The number of independent rows; infinite if none is given.

    Raises:
      ValueError: not a number from 1 to the number of rows.

    >>> read_count(None, 10), read_count(2.5, 10)
    (inf, 2.5)
    """
    if given is None:
        return math.inf
    number = isinstance(given, Real) and not isinstance(given, bool)
    require(
        number and 1 <= given <= rows,
        f"n_effective={given!r}; expected a number from 1 to that of rows, {rows}",
    )
    return float(given)


def read_order(given: Any, n_effective: Any, rows: int) -> Float[np.ndarray, " n"] | None:
    """What rows are ordered by, if anything.

    Raises:
      ValueError: another shape, NaN, or a number of independent rows beside it.

    >>> read_order([2, 1], None, 2).tolist()
    [2.0, 1.0]
    """
    if given is None:
        return None
    require(n_effective is None, "give n_effective or order, not both")
    order = _finite("order", _numbers("order", given, None), None)
    require(order.shape == (rows,), f"order has shape {order.shape}; expected ({rows},)")
    return order


def column_names(X: Any) -> list[str] | None:
    """The names of a data frame's columns, None if it has none that are all text.

    Raises:
      TypeError: names of which some are text and some are not.
    """
    columns = getattr(X, "columns", None)
    if columns is None:
        return None
    words = [isinstance(name, str) for name in columns]
    if any(words) and not all(words):
        raise TypeError(
            "Feature names are only supported if all input features have string names; "
            f"got {list(columns)}"
        )
    return list(columns) if words and all(words) else None


def variable_names(columns: Sequence[str]) -> tuple[str, ...]:
    """Names that expressions can use: what is no part of an identifier becomes an underscore.

    A prime is spelled out, and of names that become the same the later ones are numbered.

    Raises:
      ValueError: names that are not distinct.

    >>> variable_names(["mass (kg)", "2nd", "sin", "x'", "a b", "a_b"])
    ('mass_kg', '_2nd', 'sin', 'x_prime', 'a_b', 'a_b_2')
    """
    repeated = sorted({name for name in columns if list(columns).count(name) > 1})
    require(
        not repeated,
        f"names of columns are not distinct: {', '.join(repeated)} among {', '.join(columns)}",
    )
    names: list[str] = []
    for name in columns:
        word = own = _identifier(name)
        number = 2
        while word in names:
            word, number = f"{own}_{number}", number + 1
        names.append(word)
    return tuple(names)


def check_feature_names(given: Sequence[str] | None, fitted: Sequence[str] | None) -> None:
    """Warn or raise if the columns are not those of the fit.

    Raises:
      ValueError: other names, or another order.
    """
    model = "SymbolicRegressor"
    if given is None and fitted is not None:
        warnings.warn(
            f"X does not have valid feature names, but {model} was fitted with feature names",
            stacklevel=4,
        )
    elif given is not None and fitted is None:
        warnings.warn(
            f"X has feature names, but {model} was fitted without feature names", stacklevel=4
        )
    elif given is not None and fitted is not None and list(given) != list(fitted):
        raise ValueError(_differences(list(given), list(fitted)))


def check_operator(operator: Operator) -> None:
    """Raise unless an operator of the user's maps arrays and can be differentiated.

    Raises:
      ValueError: it cannot; the message has the reason.

    >>> check_operator(Operator("erf", 1, jax.scipy.special.erf, None))
    """
    point = [np.ones(3, np.float32)] * operator.arity
    try:
        shape = np.shape(operator.jnp(*point))
        if shape == (3,):
            jax.jvp(operator.jnp, point, point)
    except Exception as error:  # whatever a user's function raises
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"operator '{operator.name}' cannot be evaluated and differentiated by JAX: "
            f"{type(error).__name__}: {reason}"
        ) from error
    require(
        shape == (3,),
        f"operator '{operator.name}' maps shape (3,) to {shape}; expected it elementwise",
    )


def _differences(given: list[str], fitted: list[str]) -> str:
    lines = ["The feature names should match those that were passed during fit."]
    unseen = [name for name in given if name not in fitted]
    missing = [name for name in fitted if name not in given]
    for title, names in (
        ("Feature names unseen at fit time:", unseen),
        ("Feature names seen at fit time, yet now missing:", missing),
    ):
        if names:
            lines += [title, *(f"- {name}" for name in sorted(names))]
    if not unseen and not missing:
        lines.append("Feature names must be in the same order as they were in fit.")
    return "\n".join(lines) + "\n"


def _identifier(name: str) -> str:
    spelled = re.sub("['\u2032\u2019]", "_prime", unicodedata.normalize("NFKC", name))
    letters = (letter if f"a{letter}".isidentifier() else "_" for letter in spelled)
    word = re.sub("_+", "_", "".join(letters)).strip("_") or "_"
    if not word.isidentifier():
        word = f"_{word}"
    return f"{word}_" if keyword.iskeyword(word) else word


def _per_target(name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    array = _finite(name, _numbers(name, values, None), None)
    if array.ndim == 1 and array.shape == shape[:1]:
        array = array[:, None]
    require(
        array.ndim == 0 or array.shape in (shape, (shape[0], 1)),
        f"{name} has shape {array.shape}; expected a number, ({shape[0]},) or {shape}",
    )
    return np.broadcast_to(array, shape)


def _numbers(name: str, values: Any, columns: Sequence[str] | None) -> np.ndarray:
    """Anything like an array as float64."""
    array = np.asarray(values)
    if array.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} has complex numbers")
    if array.dtype.kind in _NUMERIC:
        return array.astype(np.float64)
    if array.dtype.kind == "O":
        return _from_objects(name, array, columns)
    raise ValueError(f"{name} has entries of type {array.dtype}; expected numbers")


def _from_objects(name: str, array: np.ndarray, columns: Sequence[str] | None) -> np.ndarray:
    out = np.empty(array.shape, np.float64)
    for place in np.ndindex(array.shape):
        try:
            out[place] = _number(array[place])
        except OverflowError as error:
            where = _where(name, place, columns)
            raise ValueError(f"{where} is an integer beyond the range of float64") from error
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{_where(name, place, columns)} is {array[place]!r}; the "
                "argument must be a string or a number, and a string must be one, such as '1.5'"
            ) from error
    return out


def _number(value: Any) -> float:
    if isinstance(value, complex):
        raise ValueError("Complex data not supported")
    return float(value)


def _finite(name: str, array: np.ndarray, columns: Sequence[str] | None) -> np.ndarray:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        kind = "NaN" if np.isnan(array[place]) else "infinity"
        raise ValueError(
            f"{_where(name, place, columns)} is {kind}; expected finite numbers, without NaN or inf"
        )
    size = float(np.abs(array).max(initial=0.0))
    require(
        size == 0 or 1 / _MAX_SIZE <= size <= _MAX_SIZE,
        f"the largest number of {name} is {size:.3g} in size; expected {1 / _MAX_SIZE:.0e} to "
        f"{_MAX_SIZE:.0e}, since squares of others leave float64's range",
    )
    return array


def _where(name: str, place: tuple[int, ...], columns: Sequence[str] | None) -> str:
    """A place in words: the row counts from 0, and the column has its name if there is one."""
    row = f"{name}, row {place[0]}" if place else name
    if len(place) < 2:
        return row
    return f"{row}, column {columns[place[1]] if columns else place[1]}"
