"""Terms, formulas and constants of laws from given rates, and what laws leave unexplained."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
from click.testing import CliRunner

import jaxsym
from jaxsym.cli import main
from jaxsym.distill.measured.constants import flat_constants
from jaxsym.distill.tasks import Task, simulated_truth
from jaxsym.distill.terms.completeness import completeness
from jaxsym.distill.terms.rates import fit_rates, rates_error
from jaxsym.distill.terms.symmetries import symmetries_of
from jaxsym.distill.verdict import pair_samples, recovered, symbolic_accelerations
from jaxsym.expr import parse
from jaxsym.graphs import snapshots, topology
from jaxsym.laws import ParticleLaw, Term
from jaxsym.plotting import draw
from jaxsym.report import law_module, law_tex, verdict
from jaxsym.simulate import particles
from jaxsym.trajectories import Trajectories, trajectories


def motion(name: str, runs: int = 12, bodies: int = 4) -> Trajectories:
    with jax.enable_x64(True):
        data = particles(name, bodies=bodies).simulate(
            jax.random.key(1), trajectories=runs, steps=60
        )
    return jax.tree.map(np.asarray, data)


@pytest.fixture(scope="module")
def magnetic():
    return jaxsym.discover(motion("magnetic"))


def test_charges_in_a_magnetic_field(magnetic):
    truth = simulated_truth(particles("magnetic"))
    assert recovered(magnetic.law, truth, [magnetic.task.held_out], None)
    assert magnetic.complete and magnetic.explained == 1.0 and magnetic.route == "terms"
    broken = {one.name: one for one in magnetic.symmetries if not one.holds}
    assert set(broken) == {"reflection", "Galilean"}
    assert broken["Galilean"].log_likelihood_ratio > 100
    assert magnetic.constants["magnetic_1"] == pytest.approx(1.3, rel=1e-6)


def test_the_result_is_told(magnetic):
    told = json.loads(json.dumps(magnetic.to_json()))
    assert [term["name"] for term in told["law"]["terms"]] == ["central", "magnetic"]
    assert told["law"]["terms"][1]["vector"] == ["-vy1", "vx1"]
    assert told["law"]["order"] == 2 and told["complete"] is True
    assert told["law"]["symmetries"]["reflection"]["evidence"] == "broken by: magnetic"
    assert r"\hat{z} \times \vec{v}_1" in law_tex(magnetic)
    assert "turned(v1)" in repr(magnetic) and "not complete" not in verdict(magnetic)
    assert len(draw(magnetic).axes) == 2


def test_the_module_moves_bodies_as_the_law_does(magnetic, x64):
    space: dict = {}
    exec(law_module(magnetic), space)
    data = magnetic.task.held_out
    mass, charge = data.mass[:, None], data.charge[:, None]
    found = space["acceleration"](data.position, data.velocity, mass, charge)
    np.testing.assert_allclose(found, data.acceleration, rtol=1e-6, atol=1e-6)


def test_motion_of_first_order_is_told_from_the_data():
    found = jaxsym.discover(motion("vortices"))
    truth = simulated_truth(particles("vortices"))
    assert found.law.order == 1 and recovered(found.law, truth, [found.task.held_out], None)
    assert [term.name for term in found.law.terms] == ["across"]
    space: dict = {}
    exec(law_module(found), space)
    data = found.task.held_out
    with jax.enable_x64(True):
        moved = space["velocity"](data.position, charge=data.charge[:, None])
    np.testing.assert_allclose(moved, data.velocity, rtol=1e-6)


def test_a_force_that_depends_on_how_crowded_bodies_are_is_not_complete():
    """Each pull is divided by what all others do: no sum over pairs."""
    given = motion("swirl")
    d = given.position[:, :, None] - given.position[:, :, :, None]
    near = np.exp(-np.linalg.norm(d, axis=-1)) * (1 - np.eye(4))
    crowd = np.sqrt(near.sum(-1))
    pull = near[..., None] * d * (1 / crowd[..., :, None] + 1 / crowd[..., None, :])[..., None]
    a = 3.0 * pull.sum(axis=3)
    data = trajectories(given.position, velocity=given.velocity, acceleration=a, time=given.time)
    found = jaxsym.discover(data, terms="pair,across,friction", time_limit=4)
    assert found.complete is False and 0.3 < found.explained < 0.999
    assert "not complete" in verdict(found)


def test_noise_does_not_make_a_law_incomplete_and_a_missing_term_does():
    data = motion("swirl", runs=6)
    rates = snapshots(data).acceleration
    rng = np.random.default_rng(0)
    noisy = rates + 0.1 * np.std(rates) * rng.normal(size=rates.shape)
    assert completeness(noisy, data).complete
    spring = ParticleLaw(parse("2*(r - 1)/r"), True, 2)
    left = completeness(symbolic_accelerations(spring, None, data), data)
    assert not left.complete and 0.5 < left.explained < 0.99


def test_constants_of_all_terms_are_fitted_together():
    data = snapshots(motion("swirl", runs=3))
    start = ParticleLaw(
        parse("1.2*(r - 1.3)/r"), True, 2, further=(Term("across", parse("0.3/r**2")),)
    )
    fit = fit_rates(start, data, topology(4))
    np.testing.assert_allclose(flat_constants(fit.law), [2.0, 1.0, 0.5], rtol=1e-6)
    assert rates_error(fit.law, data, topology(4)) == pytest.approx(fit.error, abs=1e-9)
    assert len(fit.spread) == 3


def test_pulls_that_are_not_reciprocal_are_told():
    inputs = pair_samples(motion("sender", runs=2), None)[1]
    law = ParticleLaw(parse("m2**2/r"), True, 2)
    holds = {one.name: one.holds for one in symmetries_of(law, inputs)}
    assert not holds["reciprocity"] and holds["rotation"] and holds["Galilean"]
    mutual = ParticleLaw(parse("m2/r**3"), False, 2)
    assert all(one.holds for one in symmetries_of(mutual, inputs))


def test_terms_that_may_occur_are_kept_to(tmp_path):
    data = motion("magnetic", runs=5)
    file = tmp_path / "run.npz"
    jaxsym.datasets.save(file, data)
    found = jaxsym.discover(file, terms=["pair", "trap"], time_limit=3)
    assert {term.name for term in found.law.terms} <= {"central", "trap"}
    assert found.complete is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--terms", "pair,trapp"], "unknown kind of term 'trapp'; did you mean 'trap'"),
        (["--terms", "pair", "--model", "l1"], "model is 'l1', and terms or an order are given"),
        (["--order", "3"], "'3' is not one of '1', '2'"),
    ],
)
def test_bad_options_end_before_the_work(options, message):
    result = CliRunner().invoke(main, ["discover", "swirl", *options])
    assert result.exit_code != 0 and message in result.output + result.stderr


def test_an_order_that_contradicts_the_data_is_warned_of():
    data = motion("braked", runs=5)
    with pytest.warns(match="order is 1, but the velocities are no sums of terms"):
        found = jaxsym.discover(data, order=1, time_limit=3)
    assert found.complete is False and found.law.order == 1
    assert isinstance(found.task, Task)
