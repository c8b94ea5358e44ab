"""A run killed with SIGKILL and started again ends bit for bit where an unbroken one ends."""

import random
import subprocess
import sys
import time
from pathlib import Path

SCRIPT = Path(__file__).parent / "resume_check.py"


def launch(folder, result, chunk, *options, **streams):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(result), str(chunk), *options],
        stdout=subprocess.PIPE,
        text=True,
        **streams,
    )


def test_killed_runs_end_where_an_unbroken_run_ends(tmp_path):
    unbroken = launch(tmp_path / "unbroken", tmp_path / "expected", 200)
    begun = []
    for _ in range(2):
        process = launch(tmp_path / "killed", tmp_path / "got", 4)
        begun.append(int(process.stdout.readline()))  # the first chunk is done,
        process.stdout.readline()  # and saved, since the second one is done too
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


def test_two_processes_on_one_folder_end_both_and_one_of_them_well(tmp_path):
    """The second is refused; it neither waits nor harms the first."""
    first = launch(tmp_path / "run", tmp_path / "got", 4)
    first.stdout.readline()  # it trains
    second = launch(tmp_path / "run", tmp_path / "other", 4, stderr=subprocess.PIPE)
    _, error = second.communicate(timeout=120)
    assert second.returncode == 1 and f"is in use by process {first.pid}" in error
    first.communicate(timeout=120)
    assert first.returncode == 0 and (tmp_path / "got").exists()
    assert not (tmp_path / "other").exists()


def test_a_process_that_cannot_save_ends(tmp_path):
    """As on a full disk: files can no longer grow."""
    full = launch(tmp_path / "run", tmp_path / "got", 4, "500", stderr=subprocess.PIPE)
    _, error = full.communicate(timeout=120)
    assert full.returncode == 1 and "File too large" in error
    last = launch(tmp_path / "run", tmp_path / "got", 4)
    printed, _ = last.communicate(timeout=120)
    assert last.returncode == 0 and int(printed.split()[0]) > 4
    assert not list((tmp_path / "run").glob(".*"))
