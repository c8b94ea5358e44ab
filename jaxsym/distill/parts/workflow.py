"""From parts of a trained model to equations in their place, in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.parts.choice import Choice
from jaxsym.distill.parts.columns import Columns, read_columns, read_features
from jaxsym.distill.parts.found import FoundPart, Symbolified, judged
from jaxsym.distill.parts.in_place import InPlace, Scale, check_outside
from jaxsym.distill.parts.model import Model, check_model, compiled
from jaxsym.distill.parts.outputs import Outputs, Target, read_outputs
from jaxsym.distill.parts.recording import Samples, check_part, record
from jaxsym.distill.parts.terms import PartLaw, replaced_by
from jaxsym.expr import Expression, constant
from jaxsym.search import Candidate, ParetoFront, SymbolicRegressor
from jaxsym.search.engines.protocol import Engine
from jaxsym.search.engines.registry import make_engine
from jaxsym.training import interrupt_flag

_ROWS = 2000  # of a search: more of a network's smooth errors are no further knowledge
_RECORDED = 5000  # of a part
_SEARCHING = 0.6  # of a time limit
_CANDIDATES = 14  # of a front, those of shortest description, that are put in place
_KNOWN = 1e-3, 0.3  # a network's relative error, as searches are told of it


@implicit_broadcasting()
def symbolify(
    apply: Callable[[Any, Any], Any],
    params: Any,
    batch: Any,
    *,
    part: str | None = None,
    loss: Callable[[Any, Any], Any],
    parts: Sequence[str] | None = None,
    where: Callable[[Any], Any] | None = None,
    inputs: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    features: Mapping[str, Any] | None = None,
    held_out: Any = None,
    outside: Any = None,
    time_limit: float | None = 60.0,
    seed: int = 0,
    engine: str | Engine = "native",
) -> Symbolified:
    """Put equations in the place of parts of a trained model, and test whether they hold.

    The part is recorded at work. What its outputs are free to choose is undone, and inputs that do
    nothing, or matter by a difference or a distance alone, are found by its derivatives. Each
    output that counts is searched for, and the equations of the front take the part's place in the
    model: their constants are fitted through all of it by its loss on ``batch``, and the one of
    shortest description, with what it leaves, is chosen.

    Args:
      apply: ``(params, batch) -> prediction``, pure.
      params: of the model; or the model itself, an object with parts that are called, with
        ``where``.
      batch: data to record on, and to fit constants to. Every candidate is fitted on all of it, so
        that some thousand rows are better than millions.
      part: path of a `flax.linen` module such as ``encoder/Dense_0``, or a name that was given to
        `jaxsym.tap`.
      loss: ``(prediction, batch) -> scalar``, not negative, and zero where all is right.
      parts: several parts, each of which is explained in the presence of the equations of those
        before.
      where: what to take from ``params``, a model of `flax.nnx` or Equinox or any other object: its
        part, as in ``lambda model: model.force``.
      inputs: names of the part's columns, or such names for each of several parts.
      features: further columns, as formulas of the inputs: ``{"r": "sqrt(dx**2 + dy**2)"}``; or
        such formulas for each of several parts.
      held_out: data for the verdict; by default ``batch``, which says nothing of other data.
      outside: data unlike those of the training, for the verdict.
      time_limit: seconds for all parts, None for as long as searches take.
      seed: of everything random.
      engine: see `jaxsym.SymbolicRegressor`.

    Returns:
      the equations, the model with them, and the verdict. Ctrl-C ends a search early.

    Raises:
      ValueError: a part that does not occur, that is called with different numbers of columns, that
        takes or gives other than real numbers, whose rows depend on each other, or that is
        constant; an ``apply`` or ``loss`` that is not pure, or does not fit; numbers that are not
        finite; names that do not match.

    >>> x = np.linspace(0.5, 2.0, 40)[:, None]
    >>> def model(weight, x):
    ...     from jaxsym import tap
    ...     return weight * tap("inner", lambda x: x[..., 0] ** 2 + 1.0, x)
    >>> found = symbolify(
    ...     model, np.ones(()), x, part="inner", inputs=["x"], time_limit=None,
    ...     loss=lambda y, x: ((y - x[:, 0] ** 2 - 1.0) ** 2).mean())
    >>> found.expressions
    (Expression(x**2 + 1),)
    """
    names = _names(part, parts, where)
    require(
        time_limit is None or time_limit > 0,
        f"time_limit is {time_limit}; expected a positive number of seconds",
    )
    engine = make_engine(engine)
    began = time.monotonic()
    by_part = {
        name: _Asked(name, _of(inputs, name, names), _of(features, name, names)) for name in names
    }
    columns = {n: len(asked.inputs) for n, asked in by_part.items() if asked.inputs is not None}
    model = Model(apply, loss, where=where, name=names[0], columns=columns)
    check_model(model, params, batch)
    for name in names:
        check_part(model, params, batch, name)
    tests = {"held_out": batch if held_out is None else held_out, "outside": outside}
    neural = _losses(model, params, tests)
    rng = np.random.default_rng(seed)
    found: dict[str, FoundPart] = {}
    scales: list[Scale] = []
    with interrupt_flag() as interrupted:
        for k, name in enumerate(names):
            left = None if time_limit is None else began + time_limit - time.monotonic()
            share = None if left is None else max(left, 1.0) / (len(names) - k)
            run = _Run(model, params, batch, share, engine, rng, interrupted)
            found[name], scale = _explained(run, by_part[name])
            scales.append(scale)
            model.replace(name, replaced_by(found[name].law))
    symbolic = _losses(model, params, tests)
    plain = Model(apply, loss, where=where, name=names[0], columns=columns)
    distance = _distance(plain, model, params, tests["held_out"], found)
    assert neural["held_out"] is not None and symbolic["held_out"] is not None
    return Symbolified(
        parts=found,
        apply=_with_equations(apply, loss, where, names, columns, found),
        params={
            "model": params,
            "equations": {name: each.law.constants() for name, each in found.items()},
        },
        errors={"neural": neural, "symbolic": symbolic},
        faithful=judged(neural["held_out"], symbolic["held_out"], distance, scales[0]),
        scale=scales[0],
        held_out_is="the batch itself" if held_out is None else "held-out data",
        seconds=time.monotonic() - began,
        seed=seed,
        interrupted=interrupted(),
    )


class _Asked(NamedTuple):
    """What a user says of a part."""

    name: str
    inputs: Sequence[str] | None
    features: Mapping[str, Any] | None


class _Run(NamedTuple):
    """What the work on one part needs.

    Attributes:
      seconds: for it.
      interrupted: whether Ctrl-C was pressed.
    """

    model: Model
    params: Any
    batch: Any
    seconds: float | None
    engine: Engine
    rng: np.random.Generator
    interrupted: Callable[[], bool]


def _names(
    part: str | None, parts: Sequence[str] | None, where: Callable[[Any], Any] | None
) -> tuple[str, ...]:
    require(part is None or parts is None, "part and parts are both given; expected one of the two")
    if parts is not None:
        require(not isinstance(parts, str), f"parts is the text {parts!r}; expected names")
        names = tuple(parts)
        require(
            bool(names) and len(set(names)) == len(names),
            f"parts is {list(names)}; expected different names, at least one",
        )
        require(where is None, "where goes with one part; expected part= or no name at all")
        return names
    require(
        part is not None or where is not None,
        "no part is named; expected part=, parts= or where=",
    )
    require(where is None or callable(where), "where is no function; expected one of the model")
    return (part or "part",)


def _of(given: Any, name: str, names: tuple[str, ...]) -> Any:
    """What is said of one part, where something may be said of each."""
    if given is None:
        return None
    by_part = isinstance(given, Mapping) and set(given) <= set(names)
    if by_part:
        return given.get(name)
    require(
        len(names) == 1,
        f"inputs and features of {len(names)} parts are given without their names; expected "
        f"dictionaries by part: {', '.join(names)}",
    )
    return given


def _explained(run: _Run, asked: _Asked) -> tuple[FoundPart, Scale]:
    """Equations of one part."""
    began = time.monotonic()
    samples = record(
        run.model,
        run.params,
        run.batch,
        asked.name,
        names=asked.inputs,
        count=_RECORDED,
        rng=run.rng,
    )
    given = read_features(asked.features, samples.names)
    place = InPlace(run.model, run.params, run.batch, asked.name, samples.names, given)
    mean = samples.outputs.mean(axis=0)
    scale = place.scale(mean)
    require(
        scale.nothing > scale.neural * (1 + 1e-6) + scale.rounding,
        f"the loss does not depend on part '{asked.name}': it is {scale.neural:.4g} with the part, "
        f"and {scale.nothing:.4g} with its mean in its place",
    )
    outputs = _outputs(place, samples, scale)
    features = dict(given)
    tables: list[Columns] = []
    for target in outputs.targets:
        table = read_columns(samples, target, given, scale.error, known=features)
        features.update(table.features)
        tables.append(table)
    law = PartLaw(
        samples.names,
        features,
        tuple(constant(float(np.mean(t.values))) for t in outputs.targets),
        np.stack([target.direction for target in outputs.targets]),
        outputs.offset,
    )
    share = None if run.seconds is None else _SEARCHING * run.seconds / len(tables)
    fronts = [
        _front(run, table, target, scale, share)
        for table, target in zip(tables, outputs.targets, strict=True)
    ]
    place = InPlace(run.model, run.params, run.batch, asked.name, samples.names, features)
    end = np.inf if run.seconds is None else began + run.seconds
    choice = Choice(place, scale, law, late=lambda: run.interrupted() or time.monotonic() > end)
    best = choice.choose([_shortest(front) for front in fronts])
    notes = [note for table in tables for note in table.notes]
    part = FoundPart(
        asked.name,
        best.law,
        tuple(choice.front(k) for k in range(len(tables))),
        outputs.live,
        samples.outputs.shape[1],
        tuple(table.sensitivity for table in tables),
        tuple(dict.fromkeys(notes)),
        samples,
        choice.tried,
    )
    return part, scale


def _outputs(place: InPlace, samples: Samples, scale: Scale) -> Outputs:
    spread = samples.outputs.std(axis=0)
    width = len(spread)
    if width == 1:
        uses = np.ones((1, 1))
    else:
        uses = place.uses(np.where(spread > 0, spread, 1.0))

    def error(offset: np.ndarray, onto: np.ndarray) -> float:
        return scale.relative(place.projected(offset, onto))

    return read_outputs(samples, uses, error, scale.error)


def _front(
    run: _Run, table: Columns, target: Target, scale: Scale, seconds: float | None
) -> ParetoFront:
    """The search of one target, each row weighed by how well the network can know it."""
    rows = np.sort(run.rng.permutation(len(target.values))[:_ROWS])
    values = target.values[rows]
    if not table.names or np.ptp(values) == 0:
        return _only(constant(float(np.mean(values))))
    error = float(np.clip(scale.error, *_KNOWN))
    size = np.abs(values) * target.scale[rows]
    usual = np.sqrt(np.mean(size**2))
    sigma = error * np.hypot(size, usual) / np.maximum(target.scale[rows], 1e-30)
    model = SymbolicRegressor(
        engine=run.engine, time_limit=seconds, random_state=int(run.rng.integers(2**31 - 1))
    )
    weights = np.median(sigma) ** 2 / sigma**2
    model.fit(table.values[rows], values, sample_weight=weights, variables=table.names)
    return model.fronts_[0]


def _only(expression: Expression) -> ParetoFront:
    return ParetoFront.of([Candidate(expression, 1, 0.0)], variance=1.0, samples=1)


def _shortest(front: ParetoFront) -> list[Expression]:
    best = sorted(front, key=front.description_length)[:_CANDIDATES]
    return [candidate.expression for candidate in best]


def _losses(model: Model, params: Any, tests: Mapping[str, Any]) -> dict[str, float | None]:
    """The model's loss on each set of data."""

    def loss(params: Any, batch: Any) -> Array:
        return model.score(model.predict(params, batch), batch)

    return {
        name: None if batch is None else check_outside(name, float(compiled(loss, params, batch)))
        for name, batch in tests.items()
    }


def _distance(
    before: Model, after: Model, params: Any, batch: Any, found: Mapping[str, FoundPart]
) -> float:
    """Between predictions, relative to what the parts contribute to them."""

    def silent(part: FoundPart) -> Callable[[Any, Any], Any]:
        mean = jnp.asarray(part.samples.outputs.mean(axis=0))
        return lambda columns, own: jnp.zeros_like(own) + mean.astype(own.dtype)

    without = {name: silent(part) for name, part in found.items()}

    def distances(params: Any, batch: Any) -> tuple[Array, Array]:
        neural = ravel_pytree(before.predict(params, batch))[0]
        symbolic = ravel_pytree(after.predict(params, batch))[0]
        nothing = ravel_pytree(before.predict(params, batch, without))[0]
        return jnp.mean((symbolic - neural) ** 2), jnp.mean((nothing - neural) ** 2)

    between, size = map(float, compiled(distances, params, batch))
    return float(np.sqrt(between / max(size, 1e-30)))


def _with_equations(
    apply: Callable[[Any, Any], Any],
    loss: Callable[[Any, Any], Any],
    where: Callable[[Any], Any] | None,
    names: Sequence[str],
    columns: Mapping[str, int],
    found: Mapping[str, FoundPart],
) -> Callable[[Any, Any], Any]:
    """The model with equations, whose constants are parameters."""
    functions = {name: part.law.function() for name, part in found.items()}
    model = Model(apply, loss, where=where, name=names[0], columns=columns)

    def with_equations(params: Any, batch: Any) -> Any:
        def instead(name: str) -> Callable[[Any, Any], Any]:
            constants = params["equations"][name]
            return lambda columns, own: functions[name](columns, constants)

        return model.predict(params["model"], batch, {name: instead(name) for name in found})

    return with_equations
