"""All that an accelerator is wanted for, part after part, in one command that ends in time.

    python -m benchmarks.accelerator --out DIR [--minutes 8] [--quick] [--parts tests,training]
        [--run DIR] [--weights FILE] [--peak 989] [--commit HASH]

The parts, each in a process of its own and under its own time limit: none can stop the next.

tests        sums that a faulty build gets wrong, and fast tests of every room that compiles
training     graph networks and symbolic networks against torch-geometric and torch, same device
components   simulation, matter, constants, programs, beam search, a graph of 100,000 nodes
throughput   examples a second that the pretraining makes and learns from, at two sizes of batch
pretraining  on from the weights that come with the package, with all the time that is left

``DIR/accelerator.json`` is written after every part, ``DIR/accelerator.log`` has what they print,
and the pretraining leaves ``DIR/weights.safetensors`` and its checkpoint in pieces. ``--run``
is the directory of the pretraining's own files: where it holds a bank of skeletons none need be
made. ``--quick`` shows on a CPU that all of it works.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import common
from benchmarks.common.processes import SHARED_MEMORY


class Part(NamedTuple):
    """Seconds that a part may take, and those of its quick size; None: all that is left."""

    seconds: float | None
    quick: float


PARTS = {
    "tests": Part(90.0, 90.0),
    "training": Part(110.0, 90.0),  # its programs take more than a minute to compile for a GPU
    "components": Part(90.0, 90.0),
    "throughput": Part(90.0, 90.0),
    "pretraining": Part(None, 90.0),
}
_END = 15.0  # seconds that a part has for its end, and the command for its own


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line, and return what was measured."""
    given = _parser().parse_args(argv)
    out = given.out or (given.json.parent if given.json else Path("accelerator"))
    out.mkdir(parents=True, exist_ok=True)
    run = given.run or out / "pretraining"
    end = time.monotonic() + 60 * given.minutes - _END
    result: dict[str, Any] = {"benchmark": "accelerator", "seed": 0} | common.machine()
    if given.commit:
        result |= {"commit": given.commit, "clean": True}
    result["parts"] = {}
    with (out / "accelerator.log").open("a") as log:
        for name in given.parts.split(","):
            left = end - time.monotonic()
            limit = PARTS[name].quick if given.quick else PARTS[name].seconds
            seconds = left if limit is None else min(left, limit)
            options = ["--seconds", f"{seconds - _END:.1f}", *(["--quick"] if given.quick else [])]
            if name in ("throughput", "pretraining"):
                options += ["--run", str(run.resolve())]
            if name == "throughput" and given.peak:
                options += ["--peak", str(given.peak)]
            if name == "pretraining":
                options += ["--out", str(out.resolve()), *_learned(given, result["parts"])]
            result["parts"][name] = _run(name, options, seconds, out / f"{name}.json", log)
            print(f"{name}: {result['parts'][name]['ended']}", flush=True)
            common.write(result, given.json or out / "accelerator.json")
    return result


def _learned(given: argparse.Namespace, parts: dict[str, Any]) -> list[str]:
    """Options of the pretraining: where it begins, and what the throughput part chose."""
    chosen = parts.get("throughput", {}).get("chosen")
    options = ["--weights", str(given.weights.resolve())] if given.weights else []
    if given.batch:
        return [*options, "--batch", str(given.batch), "--rate", str(given.rate)]
    for name, value in (chosen or {}).items():
        options += [f"--{name}", str(value)]
    return options


def _run(name: str, options: list[str], seconds: float, path: Path, log: Any) -> dict[str, Any]:
    """What a part wrote, and how it ended; its process and those it started are ended in time."""
    if seconds <= 0:
        return {"ended": "there was no time left for it"}
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"benchmarks.accelerator.{name}", "--json", str(path)]
    begun = time.monotonic()
    print(f"\n== {name}, {seconds:.0f} s", file=log, flush=True)
    process = subprocess.Popen(
        [*command, *options],
        cwd=common.ROOT,
        env=os.environ | SHARED_MEMORY | {"PYTHONUNBUFFERED": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        code = process.wait(seconds)
        ended = "whole" if code == 0 else f"with exit status {code}"
    except subprocess.TimeoutExpired:
        ended = f"at its limit of {seconds:.0f} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    found = json.loads(path.read_text()) if path.exists() else {}
    path.unlink(missing_ok=True)
    return {"ended": ended, "seconds": round(time.monotonic() - begun, 1)} | found


def _parser() -> argparse.ArgumentParser:
    parser = common.arguments(__doc__)
    parser.add_argument("--out", type=Path, metavar="DIR", help="by default ./accelerator")
    parser.add_argument("--minutes", type=float, default=8.0, help="of all parts together")
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between them")
    parser.add_argument("--run", type=Path, metavar="DIR", help="of the pretraining's own files")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="that pretraining begins with")
    parser.add_argument("--batch", type=int, help="of pretraining, without the throughput part")
    parser.add_argument("--rate", type=float, help="examples a second at that batch")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device's matrix products")
    parser.add_argument("--commit", help="of the code, where there is no repository")
    return parser


if __name__ == "__main__":
    main()
