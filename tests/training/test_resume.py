"""A run killed with SIGKILL and started again ends bit for bit where an unbroken one ends."""

import random
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = Path(__file__).parent / "resume_check.py"


def launch(folder, result, chunk):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(result), str(chunk)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_runs_end_where_an_unbroken_run_ends(tmp_path):
    unbroken = launch(tmp_path / "unbroken", tmp_path / "expected", 200)
    begun = []
    for _ in range(2):
        process = launch(tmp_path / "killed", tmp_path / "got", 4)
        begun.append(int(process.stdout.readline()))  # the first chunk is done
        time.sleep(random.uniform(0.0, 0.6))  # into a later chunk, or the middle of a save
        process.kill()
        process.communicate()
    assert not (tmp_path / "got").exists()

    last = launch(tmp_path / "killed", tmp_path / "got", 4)
    printed, _ = last.communicate(timeout=120)
    assert last.returncode == 0
    assert int(printed.split()[0]) > 4 and begun == sorted(begun), "the run did not resume"

    unbroken.communicate(timeout=120)
    assert unbroken.returncode == 0
    assert (tmp_path / "got").read_bytes() == (tmp_path / "expected").read_bytes()
