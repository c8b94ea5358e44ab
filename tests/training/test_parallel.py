"""Several devices and several processes, each in a process of its own, agree with one device."""

import os
import random
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def launch(script, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | environment,
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


def test_jit_shard_map_and_pmap_on_eight_devices_agree_with_one(tmp_path):
    process = launch("devices_check.py", tmp_path, JAX_NUM_CPU_DEVICES="8")
    (printed,) = outcome([process])
    assert process.returncode == 0 and printed.endswith("agree\n"), printed


def free_job():
    """A SLURM job number whose port, which JAX derives from it, is free."""
    while True:
        job = random.randrange(4096)
        with socket.socket() as probe:
            if probe.connect_ex(("localhost", 61440 + job)):  # nobody answers there
                return job


def test_two_processes_agree_with_one(tmp_path):
    slurm = {"SLURM_JOB_ID": str(free_job()), "SLURM_STEP_NODELIST": "localhost"}
    tasks = [{"SLURM_NTASKS": "2", "SLURM_PROCID": k, "SLURM_LOCALID": k} for k in ("0", "1")]
    processes = [
        launch("processes_check.py", tmp_path, JAX_NUM_CPU_DEVICES="2", **slurm, **task)
        for task in tasks
    ]
    printed = outcome(processes)
    for process, text in zip(processes, printed, strict=True):
        assert process.returncode == 0 and text.endswith("agree\n"), "\n---\n".join(printed)
