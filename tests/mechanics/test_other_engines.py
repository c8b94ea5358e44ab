"""Torques against Pinocchio and MuJoCo, where they are installed (the `bench` extra)."""

from __future__ import annotations

import numpy as np
import pytest

from jaxsym.simulate import mechanical
from jaxsym.syrenets import discover_lagrangian

M1, L1, M2, L2 = 3.0, 2.67, 1.0, 1.67
COUNT = 200


def states() -> np.ndarray:
    return np.random.default_rng(1).uniform(-np.pi / 2, np.pi / 2, (3, COUNT, 2))


def absolute(q, qd, qdd):
    """Joint angles to angles from the vertical, and the Jacobian of the one by the other."""
    turn = np.tril(np.ones((2, 2)))
    return q @ turn.T, qd @ turn.T, qdd @ turn.T, turn


def pinocchio_torques(joint_states):
    pin = pytest.importorskip("pinocchio")
    model = pin.Model()
    placement, joint = pin.SE3.Identity(), 0
    for mass, length in ((M1, L1), (M2, L2)):
        joint = model.addJoint(joint, pin.JointModelRY(), placement, f"joint{joint}")
        inertia = np.diag([mass * length**2 / 12, mass * length**2 / 12, 0.0])
        body = pin.Inertia(mass, np.array([0.0, 0.0, -length / 2]), inertia)
        model.appendBodyToJoint(joint, body, pin.SE3.Identity())
        placement = pin.SE3(np.eye(3), np.array([0.0, 0.0, -length]))
    data = model.createData()
    return np.array([pin.rnea(model, data, *row) for row in zip(*joint_states, strict=True)])


def test_the_equation_from_pinocchios_torques():
    """In angles from the vertical the same as from our own, in joint angles as exact."""
    joint_states = states()
    theirs = pinocchio_torques(joint_states)
    q, qd, qdd, turn = absolute(*joint_states)
    tau = np.linalg.solve(turn.T, theirs.T).T
    truth = mechanical("double-pendulum").lagrangian
    found = discover_lagrangian(q, qd, qdd, tau, route="direct", truth=truth)
    assert found.exact and found.recovered
    assert discover_lagrangian(*joint_states, theirs, route="direct").exact


def test_double_pendulum_against_pinocchio():
    joint_states = states()
    theirs = pinocchio_torques(joint_states)
    q, qd, qdd, turn = absolute(*joint_states)
    ours = mechanical("double-pendulum").torques(q, qd, qdd) @ turn
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


CART_POLE = """
<mujoco><option gravity="0 0 -9.81"/><worldbody>
  <body><joint type="slide" axis="1 0 0"/>
    <inertial pos="0 0 0" mass="1" diaginertia="1e-9 1e-9 1e-9"/>
    <body><joint type="hinge" axis="0 1 0"/>
      <inertial pos="0 0 .6" mass=".3" diaginertia=".036 .036 1e-9"/></body>
  </body></worldbody></mujoco>
"""


def test_cart_pole_against_mujoco():
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_string(CART_POLE)
    data = mujoco.MjData(model)
    rows = []
    for q, qd, qdd in zip(*states(), strict=True):
        data.qpos[:], data.qvel[:], data.qacc[:] = q, qd, qdd
        mujoco.mj_inverse(model, data)
        rows.append(data.qfrc_inverse.copy())
    np.testing.assert_allclose(mechanical("cart-pole").torques(*states()), rows, atol=1e-10)
