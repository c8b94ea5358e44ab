"""Pretraining in the time that is left, its rate of learning falling to zero at the end of it."""

from __future__ import annotations

import json
import shutil
import tarfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.accelerator import part
from jaxsym.nesymres.model.weights import load_weights, pretrained_weights
from jaxsym.nesymres.pretrain import load_bank, pretrain
from jaxsym.nesymres.pretraining.runs import Run, named_run

# Many skeletons, but for the set of Biggio et al. (2021) that is drawn from the same prior; as many
# points as the throughput is measured with.
SKELETONS, EXCLUDED, POINTS = 1_000_000, ("soose",), 256
# The rate is that of batches of 32 on CPUs, 6e-4, times three where the root of 32 would be six.
LEARNING_RATE, WARMUP = 2e-3, 200
_SHARE = 0.9  # of the examples that the time would allow: the rate is to reach zero before its end
_PIECE = 15 * 2**20  # bytes of a file, below what machines may hand back


def the_run(quick: bool, batch: int = 1024, examples: int | None = None) -> Run:
    """The run that an accelerator goes on with.

    Args:
      quick: a few skeletons and points.
      batch: examples of a step.
      examples: after which the rate of learning is zero.
    """
    run = named_run("small")
    if quick:
        stream = replace(run.stream, points=16)
        return replace(run, skeletons=1000, stream=stream, batch=4, warmup=2, decay=6)
    decay = None if examples is None else max(WARMUP + 1, examples // batch)
    return replace(
        run,
        skeletons=SKELETONS,
        exclude=EXCLUDED,
        stream=replace(run.stream, points=POINTS),
        batch=batch,
        learning_rate=LEARNING_RATE,
        warmup=WARMUP,
        decay=decay,
    )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    parser = part.arguments(__doc__)
    parser.add_argument("--run", type=Path, required=True, help="directory of its own")
    parser.add_argument("--out", type=Path, required=True, help="gets weights, log and checkpoint")
    parser.add_argument("--weights", type=Path, help="to begin with; by default the package's")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rate", type=float, help="examples a second, as measured")
    parser.add_argument("--compiling", type=float, default=60.0, help="seconds of it to expect")
    given = parser.parse_args(argv)
    begun = time.monotonic()
    start = load_weights(given.weights) if given.weights else pretrained_weights("small")
    examples = None
    if given.rate:
        examples = int(_SHARE * given.rate * max(10.0, given.seconds - given.compiling))
    run = the_run(given.quick, given.batch, examples)
    given.run.mkdir(parents=True, exist_ok=True)
    load_bank(run, given.run)  # made once, shared with later runs
    folder = given.run / f"round-{start.fingerprint}"
    folder.mkdir(exist_ok=True)
    for bank in given.run.glob("bank-*.npz"):
        shutil.copy(bank, folder)
    lines: list[dict[str, Any]] = []

    def told(line: dict[str, Any]) -> None:
        lines.append(line)
        print(json.dumps(line), flush=True)
        common.write({"device": part.device(), "run": run.as_dict(), "lines": lines}, given.json)

    left = given.seconds - (time.monotonic() - begun)
    figures = pretrain(run, folder, start=start, minutes=left / 60, callback=told)
    shutil.copy(folder / "weights.safetensors", given.out)
    common.write(
        {"device": part.device(), "run": run.as_dict(), "lines": lines, "figures": figures},
        given.json,
    )
    keep_checkpoint(folder / "checkpoints", given.out)
    return figures


def keep_checkpoint(folder: Path, out: Path) -> list[Path]:
    """The newest checkpoint as an archive in pieces; ``cat checkpoint.tar.* | tar x`` has it."""
    newest = max((p for p in folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
    whole = out / "checkpoint.tar"
    with tarfile.open(whole, "w") as archive:
        archive.add(newest, arcname=newest.name)
    pieces = []
    with whole.open("rb") as file:
        for number, content in enumerate(iter(lambda: file.read(_PIECE), b"")):
            pieces.append(out / f"checkpoint.tar.{number}")
            pieces[-1].write_bytes(content)
    whole.unlink()
    return pieces


if __name__ == "__main__":
    main()
