"""What a pretraining run depends on: the named runs, and variants of them that were compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxsym._check import require, unknown_name
from jaxsym.nesymres.model.config import ModelConfig, named_config
from jaxsym.nesymres.pretraining.examples import StreamConfig
from jaxsym.nesymres.skeletons.prior import Prior


@dataclass(frozen=True)
class Run:
    """Everything that a pretraining run depends on.

    Attributes:
      model: sizes.
      prior: of skeletons.
      stream: of tables.
      skeletons: number of distinct ones to learn from.
      batch: examples of a step.
      learning_rate: the highest.
      warmup: steps until then.
      decay: the step at which the rate has fallen to zero, along a line; None: it falls as the root
        of the steps, without end, so that the run can always go on.
      seed: of everything drawn.
      exclude: test sets that must not be among the skeletons.
    """

    model: ModelConfig
    prior: Prior
    stream: StreamConfig
    skeletons: int = 1_000_000
    batch: int = 64
    learning_rate: float = 1e-3
    warmup: int = 1000
    decay: int | None = None
    seed: int = 0
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(
            self.prior.length <= self.model.length,
            f"prior.length={self.prior.length}; the model writes up to {self.model.length} tokens",
        )
        require(
            self.prior.variables <= self.model.variables,
            f"prior.variables={self.prior.variables}; the model reads {self.model.variables}",
        )
        require(
            self.decay is None or self.decay > self.warmup,
            f"decay={self.decay}, warmup={self.warmup}; expected the decay to end after it",
        )

    def as_dict(self) -> dict[str, Any]:
        """The run as JSON-like values."""
        stream = {
            name: list(v) if isinstance(v, tuple) else v for name, v in vars(self.stream).items()
        }
        own = {n: v for n, v in vars(self).items() if n not in ("model", "prior", "stream")}
        own["exclude"] = list(self.exclude)
        return {
            "model": self.model.as_dict(),
            "prior": self.prior.as_dict(),
            "stream": stream,
            **own,
        }


def named_run(name: str) -> Run:
    """The run that trains a named model; the paper's, or the small model's.

    >>> named_run("paper").batch, named_run("small").prior.shuffled
    (150, True)
    """
    model = named_config(name)
    if name == "paper":
        prior = Prior(length=model.length)
        return Run(model, prior, StreamConfig(), batch=150, learning_rate=1e-4, warmup=1)
    return Run(
        model,
        Prior(fewest=1, length=24, shuffled=True),
        StreamConfig(points=64, fewest=16, support="mixed"),
        warmup=500,
    )


def _stream(**changes: Any) -> Callable[[Run], Run]:
    return lambda run: replace(run, stream=replace(run.stream, **changes))


def _prior(**changes: Any) -> Callable[[Run], Run]:
    return lambda run: replace(run, prior=replace(run.prior, **changes))


def _model(**changes: Any) -> Callable[[Run], Run]:
    return lambda run: replace(run, model=replace(run.model, **changes))


def _six_variables(run: Run) -> Run:
    return _prior(variables=6)(_model(variables=6)(run))


VARIANTS: Mapping[str, Callable[[Run], Run]] = {
    "bits-32": _model(bits=32),
    "constants-paper": _stream(factors=(1.0, 5.0), terms=(1.0, 5.0)),
    "constants-signed": _stream(factors=(-5.0, 5.0), terms=(-5.0, 5.0)),
    "support-fixed": _stream(support="fixed"),
    "support-random": _stream(support="random"),
    "sizes-3-to-5": _prior(fewest=3),
    "skeletons-alike": _stream(uniform=True),
    "variables-6": _six_variables,
    "targets-as-drawn": _prior(canonical=False),
}


def variant_of(run: Run, name: str) -> Run:
    """A run with one of its choices made differently.

    Args:
      run: to start from.
      name: of `VARIANTS`.

    Raises:
      ValueError: an unknown name.

    >>> variant_of(named_run("small"), "bits-32").model.bits
    32
    """
    if name not in VARIANTS:
        raise unknown_name("variant", name, VARIANTS)
    return VARIANTS[name](run)
