"""All benchmarks, one after the other.

python -m benchmarks [--quick] [--json DIR]
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

import benchmarks
from benchmarks import _timing


def names() -> list[str]:
    """The benchmarks of this folder.

    >>> "simulation" in names()
    True
    """
    return [m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name[0] != "_"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; each benchmark writes ``DIR/NAME.json``."""
    given = _timing.arguments(__doc__).parse_args(argv)
    for name in names():
        print(f"\n{name}", flush=True)
        options = ["--quick"] if given.quick else []
        options += ["--json", str(given.json / f"{name}.json")] if given.json else []
        importlib.import_module(f"benchmarks.{name}").main(options)


if __name__ == "__main__":
    main()
