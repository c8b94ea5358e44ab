"""NeSymReS: processor time of every part, and equations found by the weights of the package.

    python -m benchmarks.nesymres [--quick] [--json FILE] [--only speed|accuracy] [--weights FILE]

The speed table is of one thread: ``taskset -c 0 python -m benchmarks.nesymres --only speed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import _nesymres_accuracy, _nesymres_speed, _timing
from jaxsym.nesymres import load_pretrained


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line, and return what was measured."""
    parser = _timing.arguments(__doc__)
    parser.add_argument("--only", choices=("speed", "accuracy"))
    parser.add_argument("--part", action="append", default=[], help="of the speed table, by words")
    parser.add_argument("--weights", default="small", help="name or .safetensors file")
    parser.add_argument("--sets", nargs="+", default=list(_nesymres_accuracy.SETS))
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--points", type=int, default=128)
    given = parser.parse_args(argv)
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


if __name__ == "__main__":
    main()
