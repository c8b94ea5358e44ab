"""How many examples a second the pretraining makes and learns from, at two sizes of batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.accelerator import part
from benchmarks.accelerator.pretraining import the_run
from benchmarks.nesymres import device
from jaxsym.nesymres.pretrain import load_bank

BATCHES, QUICK = (1024, 4096), (2, 4)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line; the smaller batch is chosen unless the larger is twice as fast."""
    parser = part.arguments(__doc__)
    parser.add_argument("--run", type=Path, required=True, help="directory of the pretraining")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device's matrix products")
    given = parser.parse_args(argv)
    given.run.mkdir(parents=True, exist_ok=True)
    bank = load_bank(the_run(given.quick), given.run)
    calls = {
        str(batch): partial(device.measure, given.quick, batch, given.peak, bank)
        for batch in (QUICK if given.quick else BATCHES)
    }
    found = part.pieces(calls, given.json)
    found |= {"chosen": _choice({name: found[name] for name in calls})}
    common.write(found, given.json)
    return found


def _choice(measured: dict[str, dict[str, Any]]) -> dict[str, float] | None:
    """Options of the pretraining: small batches learn more of as many examples than large ones."""
    chosen = None
    for name, row in measured.items():
        if "error" in row:
            continue
        rate = row["examples per second of pretraining"]
        if chosen is None or rate > 2 * chosen["rate"]:
            chosen = {"batch": int(name), "rate": rate, "compiling": row["seconds to compile"]}
    return chosen


if __name__ == "__main__":
    main()
