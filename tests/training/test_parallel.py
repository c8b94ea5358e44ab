"""Several devices and several processes, each in a process of its own, agree with one device."""

import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def launch(script, *arguments, devices):
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu"},
    )


def outcome(processes, seconds=90):
    """What the processes print; none of them survives the call."""
    printed = []
    for process in processes:
        try:
            printed.append(process.communicate(timeout=seconds)[0])
        except subprocess.TimeoutExpired:
            process.kill()
            printed.append(process.communicate()[0])
    return printed


def test_jit_shard_map_and_pmap_on_eight_devices_agree_with_one():
    process = launch("devices_check.py", devices=8)
    (printed,) = outcome([process])
    assert process.returncode == 0 and printed.endswith("agree\n"), printed


def test_two_processes_agree_with_one(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    processes = [launch("processes_check.py", port, k, tmp_path, devices=2) for k in range(2)]
    printed = outcome(processes)
    for process, text in zip(processes, printed, strict=True):
        assert process.returncode == 0 and text.endswith("agree\n"), "\n---\n".join(printed)
