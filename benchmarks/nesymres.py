"""NeSymReS: processor time of every part, and equations found by the weights of the package.

    python -m benchmarks.nesymres [--quick] [--json FILE] [--only speed|accuracy] [--weights FILE]
    python -m benchmarks.nesymres --only data --directory DIR [--quick] [--minutes M] [--json FILE]

The speed table is of one thread: ``taskset -c 0 python -m benchmarks.nesymres --only speed``. The
second line trains networks on 10 k, 100 k and 1 M skeletons; given the directory again, it goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _nesymres_accuracy, _nesymres_data, _nesymres_speed, _timing
from jaxsym.nesymres import load_pretrained


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line, and return what was measured."""
    parser = _timing.arguments(__doc__)
    parser.add_argument("--only", choices=("speed", "accuracy", "data"))
    parser.add_argument("--part", action="append", default=[], help="of the speed table, by words")
    parser.add_argument("--weights", default="small", help="name or .safetensors file")
    parser.add_argument("--sets", nargs="+", default=list(_nesymres_accuracy.SETS))
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--points", type=int, default=128)
    study = parser.add_argument_group("with --only data")
    study.add_argument("--directory", type=Path, help="of the networks")
    study.add_argument("--sizes", type=int, nargs="+", default=list(_nesymres_data.Study.sizes))
    study.add_argument("--seeds", type=int, default=_nesymres_data.Study.seeds)
    study.add_argument("--steps", type=int, default=_nesymres_data.Study.steps)
    study.add_argument("--batch", type=int, default=_nesymres_data.Study.batch)
    study.add_argument("--minutes", type=float, help="after which nothing more is trained")
    given = parser.parse_args(argv)
    if given.only == "data":
        if given.directory is None:
            parser.error("--only data needs --directory")
        return _data(given)
    result: dict[str, Any] = {"benchmark": "nesymres"} | _timing.machine()
    if given.only != "accuracy":
        result["speed"] = _nesymres_speed.measure(given.quick, tuple(given.part))
        _timing.show(
            ["what", "jaxsym", "original", "goal"],
            [
                [row["what"], *(f"{row[k]:.4g}" for k in ("jaxsym", "original", "goal"))]
                for row in result["speed"]
            ],
        )
    if given.only != "speed":
        network = load_pretrained(given.weights)
        result["weights"] = dict(network.about)
        result["accuracy"] = _nesymres_accuracy.measure(
            network,
            sets=given.sets,
            beams=given.beams[:1] if given.quick else given.beams,
            points=given.points,
            count=2 if given.quick else None,
        )
        names = ("set", "equations", "beam", "A1 iid", "A1 ood", "A2 iid", "A2 ood")
        _timing.show(names, [[row[name] for name in names] for row in result["accuracy"]])
    _timing.write(result, given.json)
    return result


def _data(given: argparse.Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {"benchmark": "nesymres"} | _timing.machine()
    study = _nesymres_data.Study(
        given.directory, given.sizes, given.seeds, given.steps, given.batch, given.minutes
    )

    def finished(rows: list[dict[str, Any]]) -> None:
        result["data"] = rows
        _timing.write(result, given.json)

    finished(_nesymres_data.measure(study, given.quick, finished))
    header = [
        "skeletons",
        "networks",
        "held-out loss",
        "tokens right",
        "written by greedy decoding",
    ]
    _timing.show(header, _nesymres_data.summary(result["data"]))
    return result


if __name__ == "__main__":
    main()
