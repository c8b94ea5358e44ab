"""The command for accelerators: no part stops the next, and its checkpoint can travel."""

from __future__ import annotations

import io
import tarfile

from benchmarks.accelerator import __main__ as command
from benchmarks.accelerator import throughput
from benchmarks.accelerator.pretraining import keep_checkpoint, the_run


def test_a_part_that_fails_or_hangs_is_told_and_ended(tmp_path):
    with (tmp_path / "log").open("w") as log:
        failed = command._run("no_such_part", [], 60.0, tmp_path / "a.json", log)
        late = command._run("components", ["--quick"], 0.2, tmp_path / "b.json", log)
        none = command._run("components", [], -1.0, tmp_path / "c.json", log)
    assert failed["ended"] == "with exit status 1"
    assert late["ended"] == "at its limit of 0 s" and late["seconds"] < 30
    assert none["ended"] == "there was no time left for it"


def test_the_smaller_batch_is_chosen_unless_the_larger_is_twice_as_fast():
    def row(rate):
        return {"examples per second of pretraining": rate, "seconds to compile": 1.0}

    assert throughput._choice({"8": row(10.0), "32": row(15.0)})["batch"] == 8
    assert throughput._choice({"8": row(10.0), "32": row(25.0)})["batch"] == 32
    assert throughput._choice({"8": {"error": "no memory"}, "32": row(5.0)})["batch"] == 32
    assert throughput._choice({"8": {"error": "no memory"}}) is None


def test_the_rate_of_learning_ends_with_the_examples():
    assert the_run(False, batch=1024, examples=4_096_000).decay == 4000
    assert the_run(False).decay is None


def test_a_checkpoint_travels_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.accelerator.pretraining._PIECE", 1000)
    (tmp_path / "checkpoints" / "7").mkdir(parents=True)
    (tmp_path / "checkpoints" / "7" / "numbers").write_bytes(bytes(range(256)) * 20)
    pieces = keep_checkpoint(tmp_path / "checkpoints", tmp_path)
    assert len(pieces) > 5 and not (tmp_path / "checkpoint.tar").exists()
    with tarfile.open(fileobj=io.BytesIO(b"".join(p.read_bytes() for p in pieces))) as archive:
        found = archive.extractfile("7/numbers")
        assert found is not None and found.read() == bytes(range(256)) * 20
