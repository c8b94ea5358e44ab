"""`jaxsym lagrangian` from end to end, by the direct route."""

from __future__ import annotations

import importlib.util
import json

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsym.expr import parse
from jaxsym.simulate import mechanical, simulate_mechanical

RNG = np.random.default_rng(0)
KEYS = {"lagrangian", "constants", "torque_mse_relative", "exact", "route", "seconds", "seed"}


def table(system, count=300):
    q, qd, qdd = RNG.uniform(-1.5, 1.5, (3, count, system.coordinates))
    return {"q": q, "qd": qd, "qdd": qdd, "tau": system.torques(q, qd, qdd)}


def test_a_simulated_system_and_its_report(run, tmp_path):
    out = tmp_path / "report"
    result = run(
        "lagrangian", "cart-pole", "--route", "direct", "--samples", 400, "--json", "--out", out
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert KEYS <= found.keys() and found["exact"] and found["recovered"]
    assert found["route"] == "direct" and found["torque_mse_relative"] <= 1e-16
    assert found["constants"]["qd1*qd2*cos(q2)"] == pytest.approx(0.18, rel=1e-8)
    assert "Recovered" in result.stderr
    assert json.loads((out / "result.json").read_text()) == found
    assert r"\begin{align}" in (out / "lagrangian.tex").read_text()
    assert (out / "figure.png").read_bytes().startswith(b"\x89PNG")
    check_module(out / "lagrangian.py")
    again = run("lagrangian", "cart-pole", "--route", "direct", "--out", out)
    assert again.exit_code == 1 and "exists" in again.stderr


def load(path):
    spec = importlib.util.spec_from_file_location("found", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_module(path):
    module = load(path)
    q, qd, qdd = (jnp.asarray(v, jnp.float32) for v in RNG.normal(size=(3, 2)))
    tau = module.torque(q, qd, qdd)
    np.testing.assert_allclose(tau, mechanical("cart-pole").torques(q, qd, qdd), rtol=1e-4)
    np.testing.assert_allclose(module.acceleration(q, qd, tau), qdd, rtol=1e-3, atol=1e-4)


def test_a_report_of_dry_friction(run, tmp_path):
    system = mechanical("cart-pole", drag=[parse("0.4*sign(qd1)"), parse("0.1*abs(qd2)*qd2")])
    data = table(system)
    np.savez(tmp_path / "run.npz", **data)
    out = tmp_path / "report"
    result = run("lagrangian", tmp_path / "run.npz", "--route", "direct", "--out", out)
    assert result.exit_code == 0 and "drag on coordinate 1: 0.4*sign(qd1)" in result.stdout
    module = load(out / "lagrangian.py")
    q, qd, qdd = (jnp.asarray(data[name][0], jnp.float32) for name in ("q", "qd", "qdd"))
    np.testing.assert_allclose(module.torque(q, qd, qdd), data["tau"][0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_a_file_of_times_positions_and_torques_alone(run, tmp_path, suffix):
    def torque(time, q, qd):
        return 3 * jnp.sin(2 * time)[None]

    motion = simulate_mechanical(
        mechanical("chain", links=1), [1.0], [0.0], steps=300, dt=0.03, control=torque
    )
    noisy = motion.q + 1e-3 * np.random.default_rng(0).normal(size=motion.q.shape)
    path = tmp_path / f"run{suffix}"
    if suffix == ".npz":
        np.savez(path, t=motion.time, q=noisy, tau=motion.tau)
    else:
        rows = np.column_stack([motion.time, noisy, motion.tau])
        np.savetxt(path, rows, delimiter=",", header="t,q1,tau1", comments="")
    result = run("lagrangian", path)
    assert result.exit_code == 0, result.stderr
    assert "positions route" in result.stdout and "+-" in result.stdout
    np.savez(tmp_path / "half.npz", t=motion.time, q=noisy, qd=motion.qd, tau=motion.tau)
    result = run("lagrangian", tmp_path / "half.npz")
    assert result.exit_code == 1 and "there is no array 'qdd'" in result.stderr


def test_files_with_friction_and_unknown_gains(run, tmp_path):
    system = mechanical("double-pendulum", friction=(0.4, 0.1), gains=(1.0, 2.5))
    data = table(system)
    clock = np.arange(len(data["q"]))[:, None]
    np.savez(tmp_path / "run.npz", t=clock, **data)
    columns = ["time", *(f"{name}{i + 1}" for name in data for i in range(2))]
    rows = np.concatenate([clock, *data.values()], axis=1)
    np.savetxt(tmp_path / "run.csv", rows, delimiter=",", header=",".join(columns), comments="")
    for name in ("run.npz", "run.csv"):
        result = run(
            "lagrangian", tmp_path / name, "--route", "direct", "--unknown-gains", "--json"
        )
        assert result.exit_code == 0, result.stderr
        found = json.loads(result.stdout)
        assert found["exact"] and found["recovered"] is None
        np.testing.assert_allclose(found["friction"], np.diag([0.4, 0.1]), atol=1e-9)
        np.testing.assert_allclose(found["gains"], [1.0, 2.5], rtol=1e-9)


def test_angles_in_degrees_get_a_hint(run, tmp_path):
    data = table(mechanical("double-pendulum"))
    data["q"] = np.rad2deg(data["q"])
    np.savez(tmp_path / "run.npz", **data)
    result = run("lagrangian", tmp_path / "run.npz", "--route", "direct")
    assert "in degrees, convert it" in result.stdout


def good() -> dict:
    return table(mechanical("cart-pole"), 100)


BAD = {
    "unknown system": ("cart-pol", None, "did you mean 'cart-pole'"),
    "no file": ("none.csv", None, "there is no file"),
    "file type": ("run.txt", "x", "unknown file type '.txt'"),
    "no torque": ("run.csv", "q1,qd1,qdd1\n1,2,3\n", "there is no column 'tau1'"),
    "no acceleration": ("run.csv", "q1,qd1,tau1\n1,2,3\n", "there is no column 'qdd1'"),
    "misnamed": ("run.csv", "q1,qd1,qdd1,tau2\n1,2,3,4\n", "did you mean 'tau1'"),
    "not finite": ("run.csv", "q1,qd1,qdd1,tau1\n1,nan,3,4\n", "column 'qd1' holds nan in row 1"),
    "too few": ("run.npz", {k: v[:5] for k, v in good().items()}, "expected at least"),
    "no array": ("run.npz", {"q": np.ones((9, 1))}, "there is no array 'qd'"),
    "shapes": ("run.npz", good() | {"tau": np.ones((100, 1))}, "tau has shape (100, 1)"),
    "infinite": (
        "run.npz",
        good() | {"qd": np.full((100, 2), np.inf)},
        "qd has a non-finite value",
    ),
    "no torques": ("run.npz", good() | {"tau": np.zeros((100, 2))}, "tau is zero everywhere"),
}


@pytest.mark.parametrize(("name", "content", "part"), BAD.values(), ids=BAD)
def test_bad_input(run, tmp_path, name, content, part):
    source = tmp_path / name if "." in name else name
    if isinstance(content, str):
        source.write_text(content)
    elif content is not None:
        np.savez(source, **content)
    result = run("lagrangian", source, "--route", "direct", "--json")
    assert result.exit_code == 1 and result.stdout == ""
    assert part in result.stderr and "unexpected" not in result.stderr


def test_options_that_do_not_belong(run, tmp_path):
    np.savez(tmp_path / "run.npz", **good())
    assert run("lagrangian", tmp_path / "run.npz", "--noise", 0.1).exit_code == 2
    assert run("lagrangian", "cart-pole", "--links", 2).exit_code == 2
    assert run("lagrangian", "cart-pole", "--damping", "a,b").exit_code == 2
    assert run("lagrangian", "cart-pole", "--force").exit_code == 2
    unknown = run("lagrangian", "cart-pole", "--route", "dirct")
    assert unknown.exit_code == 1 and "did you mean 'direct'" in unknown.stderr
