"""`jaxsym examples`, and what the commands make of these files."""

import json

import numpy as np

from jaxsym.examples import EXAMPLES, example_path
from jaxsym.expr import parse


def test_the_command_lists_and_copies(run, tmp_path):
    listed = run("examples")
    assert listed.exit_code == 0
    assert all(example.command in listed.stdout for example in EXAMPLES.values())
    copied = run("examples", "planets", "--to", tmp_path)
    assert copied.exit_code == 0 and (tmp_path / "planets.csv").exists()
    again = run("examples", "planets", "--to", tmp_path)
    assert again.exit_code == 1 and "--force replaces it" in again.stderr
    both = run("examples", "tracks", "robot", "--to", tmp_path)
    assert both.exit_code == 0 and {p.stem for p in tmp_path.iterdir()} == set(EXAMPLES)
    unknown = run("examples", "plants")
    assert unknown.exit_code == 1 and "did you mean 'planets'" in unknown.stderr


def test_planets_obey_kepler(run):
    found = json.loads(run("fit", example_path("planets"), "--json", "--time-limit", "5").stdout)
    law = parse(found["expression"])
    a = np.array([[0.5], [20.0]])
    np.testing.assert_allclose(law.evaluate(a, ["a"]), 365.25 * a[:, 0] ** 1.5, rtol=2e-3)
    assert law.complexity <= 8 and len(law.constants) <= 1


def test_the_robot_is_a_double_pendulum(run):
    result = run("lagrangian", example_path("robot"), "--route", "direct", "--json")
    found = json.loads(result.stdout)
    assert found["exact"] and len(found["constants"]) == 5
