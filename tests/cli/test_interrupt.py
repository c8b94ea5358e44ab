"""Ctrl-C in a real run: the first keeps what there is, the second stops at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from jaxsym.report import FILES

pytestmark = pytest.mark.slow

# `jaxsym`, and every event of progress on standard error
COMMAND = """
import sys
from jaxsym.cli import main, progress

def tell(self, event):
    print(event.phase, event.done, file=sys.stderr, flush=True)

progress.ProgressDisplay.__call__ = tell
main()
"""


@pytest.fixture
def training(tmp_path):
    """A run that has begun to train, and would for hours."""
    options = ("--steps", "10000000", "--out", str(tmp_path / "report"), "--json")
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "discover", "spring", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test runner in the background has Ctrl-C switched off
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for line in process.stderr:
        if line.startswith("train") and line != "train 0.0\n":
            break
    yield process
    process.kill()
    process.wait()


def test_the_first_interrupt_keeps_the_best_so_far(training, tmp_path):
    training.send_signal(signal.SIGINT)
    output, messages = training.communicate(timeout=300)
    assert training.returncode == 130, messages
    result = json.loads(output)
    assert result["interrupted"] is True and result["law"]["components"]
    assert sorted(os.listdir(tmp_path / "report")) == sorted(FILES)
    assert "Ended early" in messages and "Traceback" not in messages


def test_the_second_interrupt_stops_at_once(training, tmp_path):
    training.send_signal(signal.SIGINT)
    time.sleep(0.2)
    training.send_signal(signal.SIGINT)
    output, messages = training.communicate(timeout=60)
    assert (training.returncode, output) == (130, "")
    assert messages.splitlines()[-1] == "interrupted; nothing was written"
    assert "Traceback" not in messages
    assert os.listdir(tmp_path) == []
