"""Whether time limits hold: every command and engine, in a fresh process and a warm one.

A limit holds if what is not compiling ends within it, and a tenth of it or a second more. Each job
runs in a process of its own, on one core: under each limit first with nothing compiled, then again.
Seconds for which other programs had that core, by the kernel's count, are told apart.

    python -m benchmarks.time_limits [--only WORDS] [--quick] [--json FILE]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import common
from benchmarks.common.processes import Engine
from benchmarks.reliability.limited import jobs

_SHARE, _SECONDS = 0.1, 1.0


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line; runs found in FILE are not repeated."""
    options = common.arguments(__doc__)
    options.add_argument("--only", default="", help="jobs whose names have these words")
    given = options.parse_args(argv)
    runs = common.kept(given.json, "runs")
    result = {"benchmark": "time_limits"} | common.machine() | {"allowed": _allowed(), "runs": runs}
    for name, limit in _cases(given.only, given.quick):
        case = f"{name}, {limit:g} s"
        if case not in runs:
            runs[case] = common.stamped(measure(name, limit))
            common.write(result, given.json)
            _tell(case, runs[case])
    late = [case for case, run in runs.items() if not all(run[p]["holds"] for p in _PROCESSES)]
    print(f"{len(runs)} limits, {len(late)} do not hold{': ' * bool(late)}{'; '.join(late)}")
    return result


_PROCESSES = ("fresh", "warm")


def _allowed() -> dict[str, float]:
    return {"share": _SHARE, "seconds": _SECONDS}


def _cases(words: str, quick: bool) -> Iterator[tuple[str, float]]:
    chosen = [(name, limits) for name, _, limits in jobs() if words in name]
    for name, limits in chosen[:1] if quick else chosen:
        for limit in limits[:1] if quick else limits:
            yield name, limit


def measure(name: str, limit: float) -> dict[str, Any]:
    """Seconds of a job in a new process, and again there.

    >>> spent = {"seconds": 12.5, "compile_seconds": 2.0, "waiting_seconds": 0.0}
    >>> judged(spent, 10.0)["over"], judged(spent, 10.0)["holds"]
    (0.5, True)
    """
    with Engine("reliability.limited", name) as engine:
        return {"limit": limit} | {p: judged(engine.ask(limit=limit), limit) for p in _PROCESSES}


def judged(spent: dict[str, float], limit: float) -> dict[str, Any]:
    """With the seconds beyond the limit that were no compiling, and whether that is allowed.

    Compiling is waited for other programs in the same measure as all else.
    """
    own = 1.0 - min(spent["waiting_seconds"] / spent["seconds"], 1.0)
    over = own * (spent["seconds"] - spent["compile_seconds"]) - limit
    rounded = {name: round(value, 2) for name, value in spent.items()}
    return rounded | {"over": round(over, 2), "holds": over <= max(_SHARE * limit, _SECONDS)}


def _tell(case: str, run: dict[str, Any]) -> None:
    parts = []
    for process in _PROCESSES:
        seconds, compiling = run[process]["seconds"], run[process]["compile_seconds"]
        late = "" if run[process]["holds"] else " TOO LONG"
        waiting = run[process]["waiting_seconds"]
        told = f"compiling {compiling:.1f}, waiting {waiting:.1f}"
        parts.append(f"{process} {seconds:.1f} s, {told}{late}")
    print(f"{case}: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
