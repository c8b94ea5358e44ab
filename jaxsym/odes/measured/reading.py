"""What users bring, as `TimeSeries`: arrays, data frames, lists of trajectories, files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsym._check import finite, listed, numbers, require, shown, unknown_name
from jaxsym.expr import OPERATORS
from jaxsym.odes.measured.series import TIME, TimeSeries

FEWEST_SAMPLES = 8
TRAJECTORY = "trajectory"  # the column of a file that tells trajectories apart
_SAME = 1e-9  # of a state's deviation: less is rounding
_IDENTIFIER = re.compile(r"[A-Za-z]\w*")


def time_series(
    time: Any,
    states: Any,
    *,
    names: Sequence[str] | None = None,
    inputs: Any = None,
    sigma: Any = None,
) -> TimeSeries:
    """Check arrays, data frames or lists of these.

    Args:
      time: ``[T]`` for all trajectories, or a list of ``[T_r]``.
      states: ``[T, M]`` or ``[T]`` for one trajectory, ``[R, T, M]`` for several of one length, a
        data frame, or a list of arrays or data frames, one for each trajectory; NaN where nothing
        was measured.
      names: of the M states; by default a data frame's columns, x for one state, or x1, x2, ...
      inputs: known functions of time at the same times, by name: ``[T]`` or a list of ``[T_r]``.
      sigma: standard errors of the states: a number, ``[M]``, ``[T, M]`` or a list of these.

    Raises:
      ValueError: shapes that disagree, times that do not increase, fewer than eight samples of a
        state in a trajectory, names that equations cannot have, a state that repeats another one.

    >>> data = time_series(np.linspace(0, 1, 9), np.linspace(0, 1, 9) ** 2)
    >>> data.names, data.runs, data.values[0].shape
    (('x',), 1, (9, 1))
    """
    parts = _parts(states)
    columns = getattr(parts[0], "columns", None)
    values = _values(parts)
    times = _times(time, [len(v) for v in values])
    named = _names(names, columns, values[0].shape[1])
    known = _inputs(inputs, times)
    _check_names([*named, *known])
    data = TimeSeries(
        named,
        tuple(known),
        times,
        values,
        [np.stack([u[run] for u in known.values()], axis=1) if known else np.zeros((len(t), 0))
         for run, t in enumerate(times)],
        None if sigma is None else _sigma(sigma, values),
    )  # fmt: skip
    _check_samples(data)
    _check_repeated(data)
    return data


def read_series(
    path: str | Path,
    time: str,
    states: Sequence[str],
    inputs: Sequence[str] = (),
    *,
    sigma: Any = None,
) -> TimeSeries:
    """Columns of a file; a column ``trajectory`` tells several trajectories apart.

    Args:
      path: a ``.csv``, ``.tsv``, ``.parquet`` or ``.npz`` file, see `jaxsym.datasets.read_columns`.
      time: name of the column of times.
      states: names of the states' columns.
      inputs: names of the inputs' columns.
      sigma: standard errors of the states, see `time_series`.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a file without these columns, and whatever `time_series` refuses.
    """
    from jaxsym.datasets import read_columns

    table = read_columns(path, labels=[TRAJECTORY])
    table.log()
    time, states, inputs = table.find(time), [*map(table.find, states)], [*map(table.find, inputs)]
    frame = table.numbers([time, *states, *inputs])
    which = [n for n in table.names if n.lower() == TRAJECTORY]
    labels = table.frame[which[0]].to_numpy() if which else np.zeros(len(frame))
    groups = [frame[labels == label] for label in dict.fromkeys(labels.tolist())]
    return time_series(
        [g[time].to_numpy() for g in groups],
        [g[states].to_numpy() for g in groups],
        names=[_identifier(s) for s in states],
        inputs={_identifier(u): [g[u].to_numpy() for g in groups] for u in inputs},
        sigma=sigma,
    )


def _identifier(header: str) -> str:
    """A name that equations can have.

    >>> _identifier("angle 1")
    'angle_1'
    """
    return re.sub(r"\W+", "_", header).strip("_")


def _parts(states: Any) -> list[Any]:
    """One array or data frame for each trajectory."""
    if isinstance(states, list | tuple) and len(states) and hasattr(states[0], "shape"):
        return list(states) if np.ndim(states[0]) else [states]
    if hasattr(states, "columns"):
        return [states]
    array = numbers("states", states)
    require(array.size > 0, f"states have shape {array.shape}; expected at least one sample")
    return list(array) if array.ndim == 3 else [array]


def _values(parts: list[Any]) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    for run, part in enumerate(parts):
        array = numbers("states", part).astype(np.float64)
        array = array[:, None] if array.ndim == 1 else array
        wanted = found[0].shape[1] if found else array.shape[-1]
        require(
            array.ndim == 2 and array.shape[1] == wanted > 0,
            f"states of trajectory {run} have shape {array.shape}; expected [T, M] with the same "
            "number M of states in all trajectories",
        )
        finite(f"states of trajectory {run}", np.where(np.isnan(array), 0.0, array))
        found.append(array)
    return found


def _times(time: Any, lengths: list[int]) -> list[np.ndarray]:
    several = isinstance(time, list | tuple) and len(time) and np.ndim(time[0]) == 1
    parts = list(time) if several else numbers("time", time)
    one_for_all = not several and np.ndim(parts) == 1
    times = [
        numbers("time", t).astype(np.float64)
        for t in ([parts] * len(lengths) if one_for_all else parts)
    ]
    shapes = [t.shape for t in times]
    require(
        shapes == [(n,) for n in lengths],
        f"time has shapes {listed(shapes)}; expected one time for each sample of the states, "
        f"{listed((n,) for n in lengths)}",
    )
    for run, each in enumerate(times):
        finite(f"time of trajectory {run}", each)
        wrong = np.flatnonzero(~(np.diff(each) > 0))
        if len(wrong):
            i = int(wrong[0])
            raise ValueError(
                f"time of trajectory {run} does not increase at index {i + 1}: {each[i + 1]} after "
                f"{each[i]}; expected increasing times, or a column '{TRAJECTORY}' that tells "
                "several trajectories apart"
            )
    return times


def _names(names: Sequence[str] | None, columns: Any, count: int) -> tuple[str, ...]:
    if names is None and columns is not None:
        names = [_identifier(str(c)) for c in columns]
    if names is None:
        names = ["x"] if count == 1 else [f"x{i + 1}" for i in range(count)]
    names = (names,) if isinstance(names, str) else tuple(map(str, names))
    require(len(names) == count, f"{len(names)} names for {count} states: {listed(names)}")
    return names


def _check_names(names: list[str]) -> None:
    for place, name in enumerate(names):
        require(
            bool(_IDENTIFIER.fullmatch(name)) and name not in OPERATORS,
            f"the name '{shown(name)}' cannot stand in an equation; expected a letter followed by "
            "letters, digits and underscores, and no operator such as sin",
        )
        require(name != TIME, f"'{TIME}' is the name of time in equations; expected another name")
        require(name not in names[:place], f"two columns have the name '{name}'")


def _inputs(inputs: Any, times: list[np.ndarray]) -> dict[str, list[np.ndarray]]:
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        inputs = (
            {str(c): inputs[c] for c in inputs.columns}
            if hasattr(inputs, "columns")
            else {"u": inputs}
        )
    known = {}
    for name, values in inputs.items():
        several = isinstance(values, list | tuple) and len(values) and np.ndim(values[0]) == 1
        parts = list(values) if several else [values] * len(times)
        arrays = [numbers(f"input {name}", part).astype(np.float64) for part in parts]
        shapes = [a.shape for a in arrays]
        require(
            shapes == [t.shape for t in times],
            f"input {name} has shapes {listed(shapes)}; expected one value for each time, "
            f"{listed(t.shape for t in times)}",
        )
        for run, array in enumerate(arrays):
            finite(f"input {name} of trajectory {run}", array)
        known[str(name)] = arrays
    return known


def _sigma(sigma: Any, values: list[np.ndarray]) -> list[np.ndarray]:
    several = isinstance(sigma, list | tuple) and len(sigma) and np.ndim(sigma[0]) == 2
    found = []
    for run, series in enumerate(values):
        own = numbers("sigma", sigma[run] if several else sigma).astype(np.float64)
        try:
            found.append(np.broadcast_to(own, series.shape))
        except ValueError:
            raise ValueError(
                f"sigma has shape {own.shape}; expected a number, ({series.shape[1]},) or "
                f"{series.shape}"
            ) from None
        good = (found[-1] > 0) & np.isfinite(found[-1]) | np.isnan(series)
        require(bool(good.all()), f"sigma is {own.ravel()[:3]}...; expected positive numbers")
    return found


def _check_samples(data: TimeSeries) -> None:
    for run, values in enumerate(data.values):
        for name, count in zip(data.names, (~np.isnan(values)).sum(axis=0).tolist(), strict=True):
            require(
                count >= FEWEST_SAMPLES,
                f"trajectory {run} has {count} samples of {name}; expected at least "
                f"{FEWEST_SAMPLES} of each state",
            )


def _check_repeated(data: TimeSeries) -> None:
    """No state may be another one in other units: equations could not tell the two apart."""
    table = data.stacked
    whole = table[~np.isnan(table).any(axis=1)]
    if len(whole) < FEWEST_SAMPLES:
        return
    moving = np.flatnonzero(~data.constant)
    for place, j in enumerate(moving):
        for i in moving[:place]:
            slope, offset = np.polyfit(whole[:, i], whole[:, j], 1)
            left = whole[:, j] - slope * whole[:, i] - offset
            require(
                np.std(left) > _SAME * np.std(whole[:, j]),
                f"state {data.names[j]} is a function of {data.names[i]}: {data.names[j]} = "
                f"{slope:.6g} {data.names[i]} + {offset:.6g}; leave one of the two out",
            )


def check_choice(name: str, got: Any, known: Sequence[Any]) -> None:
    """Raise unless an argument is one of a few.

    >>> check_choice("kind", "ode", ("ode", "map"))
    """
    if got not in known:
        raise unknown_name(name, str(got), map(str, known))
