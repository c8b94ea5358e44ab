"""All benchmarks, one after the other.

python -m benchmarks [--quick] [--json DIR]
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from benchmarks import NAMES, common


def command(name: str) -> Callable[[Sequence[str] | None], object]:
    """What `python -m benchmarks.NAME` calls, with the command line's words.

    >>> command("simulation").__module__
    'benchmarks.speed.simulation'
    """
    module = importlib.import_module(f"benchmarks.{name}")
    if hasattr(module, "__path__"):  # a room with a command of its own
        module = importlib.import_module(f"benchmarks.{name}.__main__")
    return module.main


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; each benchmark writes ``DIR/NAME.json``."""
    given = common.arguments(__doc__).parse_args(argv)
    for name in NAMES:
        print(f"\n{name}", flush=True)
        options = ["--quick"] if given.quick else []
        options += ["--json", str(given.json / f"{name}.json")] if given.json else []
        command(name)(options)


if __name__ == "__main__":
    main()
