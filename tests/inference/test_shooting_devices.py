"""Trajectories are shared out among devices, and what is found does not depend on their number."""

from pathlib import Path

from other_devices import printed_on

CHECK = Path(__file__).parent / "shooting_devices_check.py"


def test_two_devices_find_what_one_does():
    one, two = (printed_on(devices, CHECK) for devices in (1, 2))
    assert one[0] == "1 devices" and two[0] == "2 devices"
    assert one[1] == two[1]
    assert abs(float(one[1].split()[0]) - 4) < 0.05
