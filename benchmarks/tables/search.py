"""Equations found again: the table of docs/search.md and the README's sentence."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables.statement import Statement, joined, load, say

_RESULTS, _PAGE = "docs/results.md", "docs/search.md"
_OURS, _PEER = "native", "pyoperon"

Runs = Sequence[Mapping[str, Any]]


class Answers:
    """Runs of one set, engine and noise, by seed."""

    def __init__(self, name: str, engine: str = _OURS, noise: str = "0", file: str | None = None):
        self.seeds: dict[str, list[Mapping[str, Any]]] = {}
        for key, run in load(f"search_{file or name}")["runs"].items():
            *place, seed = key.split("/")
            if [place[0], *place[-2:]] == [name, engine, noise]:
                self.seeds.setdefault(seed, []).append(run)

    def counts(self, mark: str) -> list[int]:
        """How many runs of each seed have a mark."""
        return [sum(bool(run.get(mark)) for run in runs) for runs in self.seeds.values()]

    def span(self, mark: str) -> str:
        """The least and the most of the counts."""
        least, most = min(self.counts(mark)), max(self.counts(mark))
        return str(least) if least == most else f"{least} to {most}"

    def seconds(self) -> str:
        """The median, one digit above a second and two below."""
        median = statistics.median(
            run["seconds"] for runs in self.seeds.values() for run in runs if "seconds" in run
        )
        return f"{median:.1f}" if median >= 1 else f"{median:.2f}"

    def cpu_seconds(self) -> str:
        """Of all runs together."""
        return f"{sum(run['cpu_seconds'] for runs in self.seeds.values() for run in runs):.0f}"


def statements() -> list[Statement]:
    """All of them."""
    return [*_feynman(), *_others(), *_development(), _accuracies(), _readme(), _memory()]


def _ours(start: str, end: str, found: Answers, mark: str, *more: object) -> Statement:
    """A row: seeds, number of equations, counts with a mark, the median of seconds."""
    return say(
        _PAGE,
        f"| {start} | {{}} | {{*}} | {end}",
        joined(list(found.seeds)),
        joined(found.counts(mark)),
        *more,
        found.seconds(),
    )


def _feynman() -> list[Statement]:
    exact = Answers("aif52", _PEER)
    rows = [
        _ours(
            "AI Feynman, up to 3 variables, 128, none",
            "exact: {} | {} |",
            Answers("aif52"),
            "exact",
        ),
        say(
            _PAGE,
            "| pyoperon {} ({} to single precision, {} on its front) |\n| the same, 1 % |",
            *(exact.span(mark) for mark in ("exact", "vnrr", "best_vnrr")),
        ),
    ]
    for noise, name in (("0.01", "1 %"), ("0.1", "10 %")):
        peer = Answers("aif52", _PEER, noise).span("form")
        found = Answers("aif52", noise=noise)
        row = _ours(
            f"the same, {name}", f"of the true form: {{}} | {{}} | pyoperon {peer} |", found, "form"
        )
        rows.append(row._replace(after="up to 3 variables, 128"))
    return rows


def _others() -> list[Statement]:
    every, nguyen, fast = Answers("feynman"), Answers("nguyen"), Answers("fastsrb")
    units = Answers("fastsrb", "native+units")
    soose = Answers("soose")
    messages, noisy = (Answers("gn", noise=noise, file="messages") for noise in ("0", "0.01"))
    peers = [Answers(name, _PEER) for name in ("nguyen", "fastsrb")]
    return [
        _ours(
            "AI Feynman, all, 128, none",
            "exact: {}; within float32's epsilon: {} | {} |",
            every,
            "exact",
            joined(every.counts("vnrr")),
        ),
        _ours("Nguyen, 128, none", "exact: {} | {} |", nguyen, "exact"),
        say(
            _PAGE,
            "| pyoperon {} ({} on its front), gplearn {} |",
            peers[0].span("exact"),
            peers[0].span("best_vnrr"),
            Answers("nguyen", "gplearn").span("exact"),
        ),
        _ours(
            "FastSRB, 512, none",
            "within float32's epsilon on fresh points: {} | {} |",
            fast,
            "vnrr",
        ),
        say(
            _PAGE,
            "| pyoperon, every sixth: {} of 20 ({} on its front) |",
            peers[1].span("vnrr"),
            peers[1].span("best_vnrr"),
        ),
        _ours(
            "the same, with units, constants of any dimension",
            "the same: {} | {} |",
            units,
            "vnrr",
        ),
        _ours(
            "SOOSE-NC, 512, none",
            "the same: {}; exact: {} | {} |",
            soose,
            "vnrr",
            joined(soose.counts("exact")),
        ),
        _ours(
            "messages (spring, 1/r, 1/r^2, charge), 1000, none",
            "exact: {} | {} |",
            messages,
            "exact",
        ),
        _ours("the same, 1 %", "of the true form: {} | {} |", noisy, "form")._replace(
            after="| messages (spring"
        ),
    ]


def _development() -> list[Statement]:
    found = Answers("development", "native-work")
    count = sum(map(len, found.seeds.values())) // len(found.seeds)
    return [
        say(
            _PAGE,
            "The development set (`benchmarks/search/development.py`), of whose {} formulas {} are "
            "found exactly and {} to single precision with a budget of work in place of seconds, in {} "
            "CPU-seconds in all (`--set development --work`).",
            count,
            found.span("exact"),
            found.span("vnrr"),
            found.cpu_seconds(),
        )
    ]


def _accuracies() -> Statement:
    noises = ("0", "0.01", "0.1")

    def a1(engine: str) -> list[int]:
        return [
            sum(bool(run.get("a1")) for run in Answers("aif52", engine, noise).seeds["0"])
            for noise in noises
        ]

    return say(
        _PAGE,
        "A1 is fairer to it: {}, {} and {} of AI Feynman's 52 at no, 1 and 10 % of noise, where native has {}, {} and {} "
        "(seed 0).",
        *a1(_PEER),
        *a1(_OURS),
    )


def _readme() -> Statement:
    clean, one, ten = (Answers("aif52", noise=noise) for noise in ("0", "0.01", "0.1"))
    peers = [Answers("aif52", _PEER, noise).span("form") for noise in ("0.01", "0.1")]
    return say(
        _RESULTS,
        "the engine finds {} of AI Feynman's 52 equations of up to three variables exactly (median {} "
        "s), {} of them in the true form under 1 % of noise and {} under 10 % (pyoperon beside it {} and "
        "{}), {} of all 100, {} of Nguyen's 12, and on {} of FastSRB's 120 and {} of SOOSE-NC's 200 it "
        "chooses an equation that is right to single precision.",
        clean.span("exact"),
        clean.seconds(),
        one.span("form"),
        ten.span("form"),
        *peers,
        Answers("feynman").span("exact"),
        Answers("nguyen").span("exact"),
        Answers("fastsrb").span("vnrr"),
        Answers("soose").span("vnrr"),
    )


def _memory() -> Statement:
    names = ("aif52", "feynman", "nguyen", "fastsrb", "soose", "messages")
    peaks = (
        run["peak_gib_so_far"]
        for name in names
        for run in load(f"search_{name}")["runs"].values()
        if "peak_gib_so_far" in run
    )
    return say(_PAGE, "The largest process took {} GiB.", f"{max(peaks):.1f}")
