"""The network beside the native engine: when it is asked, and what becomes of its proposals."""

import logging
import threading
import time

import jax
import numpy as np
import pytest

from jaxsym._compiling import compile_clock
from jaxsym.expr import parse
from jaxsym.nesymres import HybridEngine, NeSymReSEngine, Pretrained, Proposal, load_pretrained
from jaxsym.nesymres import engine as engine_module
from jaxsym.search import EngineBase, Update

KEY = jax.random.key(0)
X = np.linspace(1.0, 4.0, 60)[:, None]
Y = 2.5 * X[:, 0] * np.sin(2 * X[:, 0]) + 0.5


class Oracle(Pretrained):
    """Proposes the right skeleton among others."""

    def propose_many(self, tables, beam=32, *, variables=None, key=None, tokens=(), most=None):
        text = "1.0*{0}*sin(2*{0}) + 1.0"
        return [
            [Proposal((), parse(t.format(names[0])), -1.0) for t in ("{0}", text)]
            for names in variables
        ]


class Late(Oracle):
    """Takes a while."""

    def propose_many(self, *arguments, **options):
        time.sleep(0.5)
        return super().propose_many(*arguments, **options)


class Broken(Oracle):
    """Always fails."""

    def propose_many(self, *arguments, **options):
        raise RuntimeError("no memory")


def network(kind):
    return kind(*vars(load_pretrained("small")).values())


class Steps(EngineBase):
    """In the native engine's place: some steps that find nothing, and the archive at each."""

    def __init__(self, count, waits=False):
        self.count, self.waits, self.seen = count, waits, []

    def propose(self, problems, run):
        for _ in range(self.count):
            yield Update(0, "step")
            if self.waits:
                for thread in readers():
                    thread.join()
            self.seen.append([c.expression for c in run.archives[0].front()])


def readers():
    return [t for t in threading.enumerate() if t.name.startswith("jaxsym-reader")]


@pytest.mark.parametrize("engine", [NeSymReSEngine, HybridEngine])
def test_proposals_are_fitted_for_every_target(engine):
    told = []
    targets = np.column_stack([Y, 2 * Y])
    fronts = engine(network=network(Oracle)).search_many(
        X, targets, variables=["x"], key=KEY, callback=told.append
    )
    assert all(front.best().loss < 1e-18 for front in fronts)
    assert {progress.target for progress in told} == {0, 1}


def test_without_a_time_limit_the_search_waits_for_the_network_after_its_first_stages():
    steps = Steps(9)
    front = HybridEngine(network=network(Late), native=steps).search(X, Y, variables=["x"], key=KEY)
    assert front.best().loss < 1e-18
    assert len(steps.seen[0]) == 1 and len(steps.seen[-1]) > 1  # of the mean alone at first


def test_with_a_time_limit_late_proposals_join_at_the_end():
    class Slow(Steps):
        def propose(self, problems, run):
            yield Update(0, "step")
            time.sleep(0.06 * run.time_limit)
            yield Update(0, "step")

    engine = HybridEngine(network=network(Late), native=Slow(2))
    front = engine.search(X, Y, variables=["x"], key=KEY, time_limit=10.0)
    assert front.best().loss < 1e-18 and not readers()


class Slow(Steps):
    """Takes a share of the time before its second step, and finds the law in its last one."""

    def propose(self, problems, run):
        yield Update(0, "step")
        time.sleep(0.1 * run.time_limit)
        yield Update(0, "step")
        yield Update(0, "step", ["2.5*x*sin(2*x) + 0.5"])


def test_the_thread_has_ended_when_the_search_has(monkeypatch):
    """Even where its answer is no longer waited for; that time is told apart."""

    class Stuck(Oracle):
        def propose_many(self, *arguments, **options):
            time.sleep(2.0)
            raise AssertionError("too late to be heard")

    monkeypatch.setattr(engine_module, "_compiled", set())
    clock = compile_clock()
    engine = HybridEngine(network=network(Stuck), native=Slow(3))
    front = engine.search(X, Y, variables=["x"], key=KEY, time_limit=6.0)
    assert front.best().loss < 1e-18 and not readers() and clock() > 1.0


def test_a_network_that_would_be_compiled_too_late_is_not_asked(monkeypatch):
    monkeypatch.setattr(engine_module, "_compiled", set())
    steps = Slow(3)
    asked = []
    monkeypatch.setattr(Oracle, "propose_many", lambda *a, **o: asked.append(a))
    engine = HybridEngine(network=network(Oracle), native=steps)
    engine.search(X, Y, variables=["x"], key=KEY, time_limit=1.0)
    assert not asked


def test_what_is_solved_at_once_is_not_read():
    engine = HybridEngine(network=network(Broken))
    front = engine.search(X, 3 * X[:, 0], variables=["x"], key=KEY)
    assert front.best().expression == parse("3*x")


def test_the_native_search_ends_with_an_exact_proposal():
    told = []
    engine = HybridEngine(network=network(Oracle))
    front = engine.search(X, Y, variables=["x"], key=KEY, callback=told.append)
    assert front.best().loss < 1e-18
    stages = [progress.stage for progress in told]
    assert stages.index("proposals") >= len(stages) - 2
    assert told[-1].found_by == "proposals" and told[-1].costs["proposals"] > 0


def test_the_native_engine_goes_on_from_the_proposals():
    steps = Steps(9)
    HybridEngine(network=network(Oracle), native=steps).search(
        X, np.tanh(Y), variables=["x"], key=KEY
    )
    assert any("sin" in expression.tokens for expression in steps.seen[-1])


@pytest.mark.parametrize("limit", [None, 20.0])
def test_the_native_result_survives_a_network_that_fails(limit, caplog):
    class Slow(Steps):
        def propose(self, problems, run):
            yield Update(0, "step", ["2.0*x"])
            time.sleep(0.06 * (limit or 0))
            yield Update(0, "step", ["2.4*x*sin(2*x)"])

    with caplog.at_level(logging.CRITICAL):
        front = HybridEngine(network=network(Broken), native=Slow(2)).search(
            X, Y, variables=["x"], key=KEY, time_limit=limit
        )
    assert any("sin" in candidate.expression.tokens for candidate in front)


def test_too_many_variables_are_left_to_the_native_engine():
    table, names = np.random.default_rng(0).uniform(1, 2, (40, 4)), ["a", "b", "c", "d"]
    target = table[:, 0] * table[:, 3]
    front = HybridEngine().search(table, target, variables=names, key=KEY)
    assert front.best().expression == parse("a*d")
    with pytest.raises(ValueError, match="knows 1 to 3 variables"):
        NeSymReSEngine().search(table, target, variables=names, key=KEY)
