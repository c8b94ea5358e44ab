"""The pretrained network as an engine of its own, and beside the native engine."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import jax
from jaxtyping import Array, Key

from jaxsym._check import require
from jaxsym._compiling import count_since
from jaxsym._settings import default_settings
from jaxsym.expr import Expression, Operator
from jaxsym.nesymres.pretrained import Pretrained, load_pretrained
from jaxsym.nesymres.solving import fit_proposals
from jaxsym.nesymres.vocabulary import BINARY, TOKENS, UNARY
from jaxsym.search.engines.base import EngineBase
from jaxsym.search.engines.protocol import Engine, Run, Update
from jaxsym.search.native.engine import NativeEngine
from jaxsym.search.problem.problem import Problem

_STAGE = "proposals"
_AT_ONCE = 0.05  # share of the time limit after which the network is asked,
_QUICK = 5  # and without one the stages: the native engine's first ones take a second at most
_PATIENCE = 10.0  # seconds at most for which proposals are awaited once the native search has ended
# seconds for which the network's functions are compiled, once in a process for each number of
# targets; with less time left proposals would come too late
_COMPILING = 5.0
_compiled: set[Hashable] = set()  # networks, beams and numbers of targets that have been read with
_LOG = logging.getLogger("jaxsym.search")
# what an operator of the vocabulary needs of the user's table, one of these at least
_NEEDS = {"ln": {"log"}, "pow": {"pow", "square", "cube", "inv", "div"}, "div": {"div", "inv"}}


@functools.cache
def _small() -> Pretrained:
    return load_pretrained("small")


@dataclass(frozen=True)
class NeSymReSEngine(EngineBase):
    """Equations that a pretrained network proposes, with fitted and snapped constants.

    All targets are read in one batch and fitted in another, which takes about the same time
    whatever the time limit says.

    Attributes:
      network: of `load_pretrained`; the one that comes with the package when None.
      beam: width of the beam search.
      restarts: starts of every fit.
    """

    network: Pretrained | None = None
    beam: int = 32
    restarts: int = 4

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterator[Update]:
        """Report the fitted proposals for all targets; see `Engine.propose`.

        Raises:
          ValueError: more variables than the network knows.
        """
        known, count = self._network.config.variables, len(problems[0].variables)
        require(
            count <= known,
            f"X has {count} columns; this network knows 1 to {known} variables; the engines "
            "native, hybrid, operon and pysr have no such limit",
        )
        if run.late(len(problems) - 1):
            return
        for target, expressions in enumerate(self.read(problems, run.key)):
            yield Update(target, _STAGE, expressions)

    def read(
        self,
        problems: Sequence[Problem],
        key: Key[Array, ""],
        unwanted: Callable[[], bool] = lambda: False,
    ) -> list[list[Expression]]:
        """The network's proposals for each target, with fitted constants.

        Args:
          problems: of one table.
          key: PRNG key of the fits' starts.
          unwanted: whether the answer is no longer needed, so that nothing is fitted any more.
        """
        with default_settings():  # in whichever thread this is
            proposed = self._network.propose_many(
                [(p.X[p.weights > 0], p.y[p.weights > 0]) for p in problems],
                self.beam,
                variables=[p.variables for p in problems],
                tokens=_tokens(problems[0].operators),
                # the square is a power here, of one token more than its complexity
                most=problems[0].max_complexity + 1,
            )
            if unwanted():
                return [[] for _ in problems]
            return fit_proposals(problems, proposed, key=key, restarts=self.restarts)

    @property
    def _network(self) -> Pretrained:
        return self.network or _small()


@dataclass(frozen=True)
class HybridEngine(NeSymReSEngine):
    """The native engine, which the network's proposals join.

    The network is asked about what the native engine does not solve at once. Its proposals join
    the archive, from which the native engine's evolution goes on, and an exact one ends the search.
    With a time limit the network works in a thread of its own, which has ended when the search has;
    proposals that come late join at the end, and where its functions are not compiled yet the
    network is asked only if five seconds are left for that. Without one the search waits for it,
    so that the same key gives the same result. If the network fails, or knows too few variables,
    the native engine works alone.

    Attributes:
      native: the engine that goes on from there.
    """

    native: Engine = NativeEngine()

    @property
    def max_rows(self) -> int | None:  # type: ignore[override]
        """As many rows as the native engine is given."""
        return getattr(self.native, "max_rows", None)

    def propose(self, problems: Sequence[Problem], run: Run) -> Iterator[Update]:
        """Report what the native engine does, and the proposals when they come."""
        if len(problems[0].variables) > self._network.config.variables:
            yield from self.native.propose(problems, run)
            return
        key = jax.random.fold_in(run.key, 1)
        shape = (self._network.config, self.beam, len(problems))
        reader = _Reader(lambda unwanted: self.read(problems, key, unwanted), shape)
        try:
            yield from self._together(problems, run, reader)
        finally:
            reader.close()

    def _together(self, problems: Sequence[Problem], run: Run, reader: _Reader) -> Iterator[Update]:
        limit, began = run.time_limit, time.monotonic()
        for place, update in enumerate(self.native.propose(problems, run)):
            yield update
            if limit is None:
                if place == _QUICK:
                    yield from reader.updates(timeout=None)
            elif time.monotonic() - began >= _AT_ONCE * limit and reader.in_time(
                limit - (time.monotonic() - began)
            ):
                reader.begin()
                yield from reader.updates(timeout=0.0)
        if all(archive.exact for archive in run.archives):
            return
        left = run.seconds_left(len(problems) - 1)
        if left is None:
            yield from reader.updates(timeout=None)
        elif reader.begun:
            yield from reader.updates(timeout=min(left, _PATIENCE))


class _Reader:
    """The network's reading of a table, in a thread of its own from when it is begun.

    Args:
      read: reads, and is given what tells whether the answer is no longer needed.
      shape: what its functions are compiled for.
    """

    def __init__(
        self, read: Callable[[Callable[[], bool]], list[list[Expression]]], shape: Hashable
    ):
        self._read, self._shape = read, shape
        self._compiles = shape not in _compiled
        self._unwanted = threading.Event()
        self._thread: threading.Thread | None = None
        self._found: list[list[Expression]] = []

    @property
    def begun(self) -> bool:
        """Whether the thread has been started."""
        return self._thread is not None

    def in_time(self, left: float) -> bool:
        """Whether proposals may come within some seconds."""
        return self.begun or left >= _COMPILING or not self._compiles

    def begin(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="jaxsym-reader")
            self._thread.start()

    def updates(self, timeout: float | None) -> Iterator[Update]:
        """The proposals if they have come within some seconds, once; None waits for them."""
        self.begin()
        assert self._thread is not None
        self._thread.join(timeout)
        if self._thread.is_alive():
            return
        found, self._found = self._found, []
        for target, expressions in enumerate(found):
            yield Update(target, _STAGE, expressions)

    def close(self) -> None:
        """End the reading, and the thread with it; a function that is being compiled is awaited."""
        self._unwanted.set()
        if self._thread is not None:
            start = time.monotonic()
            self._thread.join()
            if self._compiles:
                count_since(start)

    def _work(self) -> None:
        try:
            self._found = self._read(self._unwanted.is_set)
            _compiled.add(self._shape)
        except Exception:
            _LOG.exception("the network failed; the native engine goes on alone")


def _tokens(operators: Mapping[str, Operator]) -> list[str]:
    """The tokens of the vocabulary that equations of these operators need."""

    def usable(token: str) -> bool:
        if token not in (*UNARY, *BINARY):
            return True
        return bool(_NEEDS.get(token, {token}) & operators.keys())

    return [token for token in TOKENS if usable(token)]
