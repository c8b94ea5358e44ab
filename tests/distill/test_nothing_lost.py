"""Whatever is told of a law may fail: the law, its constants and its errors are there."""

import json

import numpy as np
import pytest

from jaxsym._views import LeftOutWarning
from jaxsym.distill import discover, finding, workflow
from jaxsym.expr import parse
from jaxsym.search import Candidate, ParetoFront
from jaxsym.trajectories import trajectories

VIEWS = {
    "rounded": "the rounding of constants",
    "power_of_distance": "the free exponent",
    "_shorter": "the shorter form of the law",
    "recovered": "the comparison with the true law",
}


def springs():
    """Snapshots of three bodies that pull each other by ``2 (r - 1)``."""
    rng = np.random.default_rng(0)
    x = 2 * rng.normal(size=(1, 60, 3, 2))
    d = x[:, :, None] - x[:, :, :, None]
    r = np.linalg.norm(d, axis=-1) + np.eye(3)
    a = (2.0 * ((r - 1.0) / r)[..., None] * d).sum(3)
    return trajectories(x, velocity=0 * x, acceleration=a, time=range(60), mass=np.ones((1, 3)))


def knows_the_law(X, y, **_):
    front = [Candidate(parse("2.1*(r - 0.9)"), 5, 1.0)]
    return ParetoFront.of(front, variance=1.0, samples=100)


def fail(*arguments):
    raise RuntimeError("no view of this")


def test_a_discovery_survives_all_of_its_views(monkeypatch):
    monkeypatch.setattr(finding, "search", knows_the_law)
    monkeypatch.setattr(finding, "neighbors", lambda law, typical: [])
    for name in VIEWS:
        monkeypatch.setattr(workflow, name, fail)
    with pytest.warns(LeftOutWarning) as told:
        found = discover(springs(), steps=2, seed=0)
    reasons = {str(w.message) for w in told if w.category is LeftOutWarning}
    assert reasons == {f"{v} is left out: RuntimeError: no view of this" for v in VIEWS.values()}
    assert found.symbolic.held_out < 1e-6
    assert found.recovered is None and found.free_exponent is None
    assert not found.network_learned and "learned next to nothing" in repr(found)
    result = json.loads(json.dumps(found.to_json()))
    assert result["law"]["coefficient"] and result["errors"]["network_learned"] is False
