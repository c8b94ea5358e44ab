"""From motion to a law, in one call, on laws that are not built in."""

import json
import sys
import time

import jax
import numpy as np
import pytest

import jaxsym
from jaxsym.distill import discover, observed_task
from jaxsym.expr import parse
from jaxsym.progress import PhaseProgress
from jaxsym.search import Candidate, ParetoFront
from jaxsym.simulate import particles
from jaxsym.trajectories import trajectories


def isolated_bodies(force, mass, *, size=3.0, snapshots=300, seed=0):
    """Snapshots of bodies under a central force ``F(r)``, positive where it attracts."""
    rng = np.random.default_rng(seed)
    n = len(mass)
    x = size * rng.normal(size=(1, snapshots, n, 3))
    d = x[:, :, None] - x[:, :, :, None]
    r = np.linalg.norm(d, axis=-1) + np.eye(n)
    pull = (force(r) / r * (1 - np.eye(n)))[..., None] * d
    a = pull.sum(3) / np.asarray(mass)[:, None]
    v = rng.normal(size=x.shape)
    return trajectories(x, velocity=v, acceleration=a, time=range(snapshots))


@pytest.mark.slow
def test_a_repulsion_between_bodies_of_unknown_mass_is_found():
    mass = np.array([1.0, 0.3, 2.0, 0.7])
    data = isolated_bodies(lambda r: -2.5 / r**2, mass)
    told = []
    found = discover(data, steps=1500, seed=1, callback=told.append)
    ratio = np.array(list(found.masses.values()))
    np.testing.assert_allclose(ratio, mass / mass.max(), rtol=1e-4)
    table = np.array([[2.0, 1.0, 1.0, 0.0, 0.0], [5.0, 1.0, 1.0, 0.0, 0.0]])
    variables = ["r", "m1", "m2", "q1", "q2"]
    got = found.law.as_force().coefficient.evaluate(table, variables)
    np.testing.assert_allclose(got, -2.5 / mass.max() / table[:, 0] ** 3, rtol=1e-4)
    assert found.recovered is None
    assert found.symbolic.held_out < 1e-6 < found.neural.held_out
    assert {event.phase for event in told} == {
        "data",
        "train",
        "extract",
        "search",
        "refit",
        "verify",
    }
    assert all(isinstance(event, PhaseProgress) for event in told)
    searches = [event for event in told if event.phase == "search" and event.done == 0.0]
    assert len(searches) == 1  # an equation better than the network ends the search
    result = json.loads(json.dumps(found.to_json()))
    for text in result["law"]["components"]:
        assert set(jaxsym.parse(text).variables) <= set(result["law"]["variables"])


def test_names_that_are_neither_law_nor_file():
    with pytest.raises(ValueError, match="unknown law or file 'sprinng'; did you mean 'spring'"):
        discover("sprinng")


def test_an_unknown_model_is_named_before_anything_is_simulated():
    with pytest.raises(ValueError, match="unknown model 'l2'"):
        discover("spring", model="l2")


def test_a_model_that_needs_masses_says_so():
    data = isolated_bodies(lambda r: r, [1.0, 2.0], snapshots=30)
    with pytest.raises(ValueError, match="'bottleneck', which needs the bodies' masses"):
        discover(data, model="bottleneck")


def test_too_little_data():
    data = isolated_bodies(lambda r: r, [1.0, 2.0], snapshots=12)
    with pytest.raises(ValueError, match="1 trajectories of 12 times; expected at least 20"):
        observed_task("mine", data)


def test_extremes_are_kept_from_training():
    motion = particles("spring", bodies=3, dims=2).simulate(
        jax.random.key(0), trajectories=3, steps=50
    )
    task = observed_task("mine", jax.tree.map(np.asarray, motion))
    spread = lambda data: np.linalg.norm(  # noqa: E731
        data.position - data.position.mean(2, keepdims=True), axis=-1
    ).max((1, 2))
    assert spread(task.train).max() <= spread(task.outside).min()
    assert len(task.held_out.time) == 10


class PoorAtFirst:
    """A search whose first answers are a constant; what it was asked is kept."""

    def __init__(self, poor_answers):
        self.poor_answers, self.asked = poor_answers, []

    def __call__(self, X, y, *, constraints, time_limit, **_):
        self.asked.append((time_limit, [str(guess) for guess in constraints.guesses]))
        poor = len(self.asked) <= self.poor_answers
        text = "0.5" if poor else "1.4*exp(-1.1*r)"
        return ParetoFront.of([Candidate(parse(text), 1, 1.0)], variance=1.0, samples=100)


class KnowsDistanceAlone:
    """A search that is poor unless distance is the only variable."""

    def __call__(self, X, y, *, variables, **_):
        text = "1.4*exp(-1.1*r)" if tuple(variables) == ("r",) else "0.5"
        return ParetoFront.of([Candidate(parse(text), 1, 1.0)], variance=1.0, samples=100)


def screened(monkeypatch, search, *, sharpen=False, **options):
    """Discover a screened attraction with this search alone, and tell how each search began."""
    data = isolated_bodies(lambda r: 1.5 * np.exp(-r), [1.0, 0.5, 2.0], size=1.0, snapshots=300)
    module = sys.modules["jaxsym.distill.finding"]
    monkeypatch.setattr(module, "search", search)
    monkeypatch.setattr(module, "neighbors", lambda law, typical: [])
    if not sharpen:
        monkeypatch.setattr(module, "radial_profile", lambda fit, data, edges: None)
    told = []
    found = discover(data, steps=400, seed=1, callback=told.append, **options)
    return found, [e.note for e in told if e.phase == "search" and e.done == 0.0]


@pytest.mark.slow
def test_a_poor_equation_is_searched_again_for_longer(monkeypatch):
    search = PoorAtFirst(poor_answers=2)
    found, notes = screened(monkeypatch, search)
    assert search.asked == [(20.0, []), (40.0, ["0.5"]), (80.0, ["0.5"])]
    assert notes[0] == "" and notes[1].startswith("again: the equation's error")
    assert found.symbolic.held_out < 1e-6 < found.neural.held_out
    assert "exp" in found.law.coefficient.tokens


def test_a_function_of_distance_that_the_data_know_better_is_searched_by_itself(monkeypatch):
    found, notes = screened(monkeypatch, KnowsDistanceAlone(), sharpen=True)
    assert len(notes) == 2 and notes[1].startswith("for f(r): the law's error is")
    assert found.symbolic.held_out < 1e-6
    assert "exp" in found.law.coefficient.tokens


class Clock:
    """In place of `time`: a watch that can be put forward."""

    def __init__(self):
        self.ahead = 0.0

    def monotonic(self):
        return time.monotonic() + self.ahead


class TakesTime(PoorAtFirst):
    """A search that takes two seconds of a clock."""

    def __init__(self, clock):
        super().__init__(poor_answers=9)
        self.clock = clock

    def __call__(self, *args, **options):
        self.clock.ahead += 2.0
        return super().__call__(*args, **options)


def test_a_time_limit_ends_repeated_searches(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("jaxsym.distill.phases.time", clock)
    search = TakesTime(clock)
    found, _ = screened(monkeypatch, search, time_limit=4.0)
    limits = [limit for limit, _ in search.asked]
    assert 1 <= len(limits) < 3 and all(limit < 4.0 for limit in limits)
    assert found.out_of_time
