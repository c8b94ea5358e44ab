"""NeSymReS: processor time of every part, equations found, and what training choices are worth.

    python -m benchmarks.nesymres [--quick] [--json FILE] [--only speed|accuracy]
        [--weights FILE] [--sets aif52 fresh] [--beams 1 8 32] [--points 4 128]
        [--peers pyoperon gaussian-process] [--seconds 1 10]
    python -m benchmarks.nesymres --only data --directory DIR [--sizes 10000 1000000] [--json FILE]
    python -m benchmarks.nesymres --only variants --directory DIR [--names bits-32] [--json FILE]
    python -m benchmarks.nesymres --only figures --accuracy FILE ... --data FILE --log FILE
        --plots DIR
    python -m benchmarks.nesymres --only device [--peak 989] [--json FILE]

The speed table is of one thread: `taskset -c 0 python -m benchmarks.nesymres --only speed`.
Accuracy goes on with what its file holds. "data" trains networks on banks of several sizes and
"variants" by other choices, of the small model or, on a processor, of a tiny one (`--scale tiny`);
given the directory again, they go on. "figures" draws figures 2 to 5 of the paper from the files,
and "device" tells how fast this device trains, against its peak in TFLOP/s.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.nesymres import accuracy, device, figures, methods, problems, speed, studies
from jaxsym.nesymres import load_pretrained
from jaxsym.nesymres.pretraining.runs import VARIANTS

PARTS = ("speed", "accuracy", "data", "variants", "figures", "device")
_QUICK_STEPS = 3


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line, and return what was measured."""
    parser = _parser()
    given = parser.parse_args(argv)
    result: dict[str, Any] = {"benchmark": "nesymres", "seed": 0} | common.machine()
    if given.only == "figures":
        if given.plots is None:
            parser.error("--only figures needs --plots")
        return _figures(given)
    if given.only in ("data", "variants"):
        if given.directory is None:
            parser.error(f"--only {given.only} needs --directory")
        _study(given, result)
    if given.only == "device":
        result["device"] = device.measure(given.quick, given.batch, given.peak)
        common.show(["what", "measured"], [[k, f"{v:.4g}"] for k, v in result["device"].items()])
    if given.only in (None, "speed"):
        _speed(given, result)
    if given.only in (None, "accuracy"):
        _accuracy(given, result)
    common.write(result, given.json)
    return result


def _figures(given: argparse.Namespace) -> dict[str, Any]:
    results = [json.loads(path.read_text()) for path in given.accuracy]
    rounds = [(result["weights"]["examples"], result["accuracy"]) for result in results]
    data = json.loads(given.data.read_text())["networks"] if given.data else []
    log = [json.loads(line) for line in given.log.read_text().splitlines()] if given.log else []
    written = figures.draw_all(rounds, data, log, given.plots)
    return {"figures": [str(path) for path in written]}


def _speed(given: argparse.Namespace, result: dict[str, Any]) -> None:
    result["speed"] = speed.measure(given.quick, tuple(given.part))
    names = ("jaxsym", "original", "goal")
    common.show(
        ["what", *names],
        [[row["what"], *(f"{row[k]:.4g}" for k in names)] for row in result["speed"]],
    )


def _accuracy(given: argparse.Namespace, result: dict[str, Any]) -> None:
    packages = [package for peer in given.peers for package in methods.PEERS[peer]]
    result |= common.machine(*packages)
    network = load_pretrained(given.weights)
    result["weights"] = {k: network.about[k] for k in ("steps", "examples", "figures")}
    count = 1 if given.quick else given.count
    beams = given.beams[:1] if given.quick else given.beams
    sets = {n: problems.load_problems(n, count) for n in given.sets}
    compared = methods.methods(network, tuple(beams), tuple(given.peers), tuple(given.seconds))

    def finished(runs: dict[str, dict[str, Any]]) -> None:
        result["accuracy"] = accuracy.summary(runs)
        result["runs"] = runs
        common.write(result, given.json)

    runs = {} if given.only is None else common.kept(given.json, "runs")
    accuracy.measure(sets, compared, given.points, runs, finished)
    names = ("set", "method", "points", "equations", *accuracy.MEASURES, "cpu_seconds")
    rows = [[row.get(name) for name in names] for row in result["accuracy"]]
    common.show(names, [[f"{v:.3f}" if isinstance(v, float) else v for v in r] for r in rows])


def _study(given: argparse.Namespace, result: dict[str, Any]) -> None:
    base = studies.base_run(
        given.scale, _QUICK_STEPS if given.quick else given.steps, 4 if given.quick else given.batch
    )
    if given.only == "data":
        runs, judge = studies.by_size(base, [1000] if given.quick else given.sizes)
    else:
        skeletons = 1000 if given.quick else given.skeletons
        runs, judge = studies.by_variant(base, skeletons, given.names)

    def finished(rows: list[dict[str, Any]]) -> None:
        result["networks"] = rows
        common.write(result, given.json)

    seeds = 1 if given.quick else given.seeds
    study = studies.Study(given.directory, runs, judge, seeds, given.minutes)
    result["base"] = runs[judge].as_dict()
    finished(studies.measure(study, finished))
    header = ["run", "networks", "loss", "tokens right", "written greedily", "loss on its own kind"]
    common.show(header, studies.summary(result["networks"]))


def _parser() -> argparse.ArgumentParser:
    parser = common.arguments(__doc__)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--part", action="append", default=[], help="of the speed table, by words")
    sets, peers = problems.SETS, methods.PEERS
    found = parser.add_argument_group("accuracy")
    found.add_argument("--weights", default="small", help="name or .safetensors file")
    found.add_argument("--sets", nargs="+", choices=sets, default=["aif52", "nguyen", "fresh"])
    found.add_argument("--count", type=int, help="of the problems of each set")
    found.add_argument("--beams", type=int, nargs="*", default=[1, 8, 32])
    found.add_argument("--points", type=int, nargs="+", default=[128])
    found.add_argument("--peers", nargs="*", choices=peers, default=[])
    found.add_argument("--seconds", type=float, nargs="+", default=[1.0], help="of each peer")
    study = parser.add_argument_group("data, variants")
    study.add_argument("--directory", type=Path, help="of the networks")
    study.add_argument("--scale", choices=studies.SCALES, default="small")
    study.add_argument("--sizes", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    study.add_argument("--names", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    study.add_argument("--skeletons", type=int, default=100_000, help="of the variants")
    study.add_argument("--seeds", type=int, default=3)
    study.add_argument("--steps", type=int, default=100_000)
    study.add_argument("--batch", type=int, default=256)
    study.add_argument("--minutes", type=float, help="after which nothing more is trained")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device's matrix products")
    drawn = parser.add_argument_group("figures")
    drawn.add_argument(
        "--accuracy", type=Path, nargs="*", default=[], metavar="FILE", help="of each round"
    )
    drawn.add_argument("--data", type=Path, metavar="FILE")
    drawn.add_argument("--log", type=Path, metavar="FILE", help="log.jsonl of a pretraining run")
    drawn.add_argument("--plots", type=Path, metavar="DIR")
    return parser


if __name__ == "__main__":
    main()
