"""A folder's lock: refused at once while its owner lives, taken over when it does not."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from jaxsym.training import FolderLock, FolderLockedError, lock

HOLD = """
import sys, time
from pathlib import Path
from jaxsym.training.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def written(folder, **changes):
    """A lock file as an owner leaves it that had no time to remove it."""
    owner = {"host": socket.gethostname(), "pid": 1} | changes
    (folder / lock.LOCK).write_text(json.dumps(owner))


def test_a_second_process_is_refused_and_a_killed_one_is_succeeded(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    message = f"in use by process {process.pid} on {socket.gethostname()}"
    with pytest.raises(FolderLockedError, match=message), FolderLock(tmp_path):
        pass
    process.kill()
    process.communicate()
    assert (tmp_path / lock.LOCK).exists()
    with FolderLock(tmp_path):
        assert json.loads((tmp_path / lock.LOCK).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_an_owner_on_another_host_is_forgotten_after_its_silence(tmp_path):
    written(tmp_path, host="node17", pid=42)
    with pytest.raises(FolderLockedError, match="process 42 on node17.*60 seconds"):
        FolderLock(tmp_path).__enter__()
    past = time.time() - 61
    os.utime(tmp_path / lock.LOCK, (past, past))
    with FolderLock(tmp_path):
        pass


def test_the_owner_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_BEAT", 0.01)
    renewed = threading.Event()
    touch = os.utime
    monkeypatch.setattr(os, "utime", lambda path: (touch(path), renewed.set()))
    with FolderLock(tmp_path):
        os.utime(tmp_path / lock.LOCK)
        renewed.clear()
        assert renewed.wait(timeout=30)


@pytest.mark.parametrize("pid", [os.getpid(), 1], ids=["this process", "another"])
def test_without_locks_of_the_kernel_the_process_is_looked_for(pid, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "try_lock", lambda file: None)
    written(tmp_path, pid=pid)
    with pytest.raises(FolderLockedError, match=f"process {pid} on"):
        FolderLock(tmp_path).__enter__()


def test_without_locks_of_the_kernel_a_dead_process_is_succeeded(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "try_lock", lambda file: None)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    written(tmp_path, pid=ended.pid)
    with FolderLock(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "[]", '{"host": 1}', "null", "[" * 4000, "\x00", "{}" * 900])
def test_a_lock_file_of_no_owner_is_taken_over(text, tmp_path):
    (tmp_path / lock.LOCK).write_text(text)
    with FolderLock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_of_many_at_once_one_gets_it(tmp_path):
    begin, holding, most = threading.Barrier(8), [], []

    def enter():
        begin.wait(timeout=30)
        for _ in range(50):
            try:
                with FolderLock(tmp_path):
                    holding.append(1)
                    most.append(len(holding))
                    holding.pop()
            except FolderLockedError:
                pass

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(most) == {1}
