"""The pretrained network: accuracy, speed and studies of docs/pretraining.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.nesymres.studies import mean_and_error
from benchmarks.tables.statement import Statement, load, say

_USAGE, _PAGE = "docs/usage.md", "docs/pretraining.md"
_METHODS = {
    "beam 1": "nesymres:1",
    "beam 8": "nesymres:8",
    "beam 32": "nesymres:32",
    "native 2": "native:2",
    "pyoperon 1": "pyoperon:1",
    "pyoperon 4": "pyoperon:4",
    "gplearn 1": "gplearn:1",
    "gplearn 4": "gplearn:4",
    "Gaussian process": "gaussian-process",
}
_FRESH = {
    "fresh draws without constants, 100": "fresh",
    "fresh draws with up to three, 100 ({*})": "fresh-constants",
    "fresh draws with constants everywhere, 100": "fresh-everywhere",
    "SOOSE-NC, 200": "soose",
}
_POINTS = {"AI Feynman, A1, beam 32": "aif52", "fresh draws with constants": "fresh-constants"}
_SPEED = {
    "skeletons per CPU-second": "skeletons per CPU-s",
    "examples of 200 points per CPU-second": "examples of 200 points per CPU-s",
    "training step, `paper`, 150 examples of 200 points": "training step, paper, B=150, n=200",
    "beam 32, `paper`, 128 points, random weights": "decode, paper, beam 32, 128 points",
    "constants of a skeleton, 4 starts": "constants of a skeleton, 4 restarts",
    "whole solve, beam 32, `paper`, random weights": "solve, paper, beam 32, 4 restarts",
    "whole solve, beam 32, `small`, random weights": "solve, small, beam 32, 4 restarts",
}


def statements() -> list[Statement]:
    """All of them."""
    return [
        *_methods(),
        *_draws(),
        *_points(),
        *_speed(),
        *_data(),
        *_variants(),
        *_card(),
        _readme(),
    ]


def _row(name: str, method: str, points: int = 128) -> dict[str, Any]:
    key = {"set": name, "method": method, "points": points}
    (row,) = (row for row in load("nesymres_accuracy")["accuracy"] if row | key == row)
    return row


def _share(row: Mapping[str, Any], measure: str) -> str:
    """In percent, with the binomial standard error where there is one."""
    error = 100 * row["standard_error"][measure]
    share = f"{100 * row[measure]:.0f}"
    return f"{share} ± {error:.0f}" if error else share


_MEASURES = ("A1 iid", "A1 ood", "A2 iid", "A2 ood")


def _methods() -> list[Statement]:
    rows = []
    for name, method in _METHODS.items():
        feynman, nguyen = (_row(which, method) for which in ("aif52", "nguyen"))
        seconds = feynman["cpu_seconds"]
        rows.append(
            say(
                _PAGE,
                f"| {name} |" + " {} |" * 7,
                *(_share(feynman, measure) for measure in _MEASURES),
                *(_share(nguyen, measure) for measure in _MEASURES[:2]),
                f"{seconds:.1f}" if seconds > 0.18 else f"{seconds:.2f}",
            )
        )
    return rows


def _draws() -> list[Statement]:
    return [
        say(
            _PAGE,
            f"| {name} |" + " {} |" * 4 + "\n",
            *(_share(_row(which, "nesymres:32"), measure) for measure in _MEASURES),
        )
        for name, which in _FRESH.items()
    ]


def _points() -> list[Statement]:
    return [
        say(
            _PAGE,
            f"| {name} |" + " {} |" * 6 + "\n",
            *(
                _share(_row(which, "nesymres:32", points), "A1 iid")
                for points in (1, 4, 16, 64, 256, 1024)
            ),
        )
        for name, which in _POINTS.items()
    ]


def _speed() -> list[Statement]:
    found = {row["what"]: row["jaxsym"] for row in load("nesymres_speed")["speed"]}
    return [
        say(_PAGE, f"| {name} | {{*}} | {{}} |", _seconds(found[what]))
        for name, what in _SPEED.items()
    ]


def _seconds(value: float) -> str:
    if value > 1000:
        return f"{value:,.0f}".replace(",", " ")
    if value < 0.01:
        return f"{value:.4f}"
    return f"{value:.1f}" if value > 10 else f"{value:.2f}"


def _data() -> list[Statement]:
    result, rows = load("nesymres_data"), []
    for size in (10_000, 100_000, 1_000_000):
        judged = [row["judged"] for row in result["networks"] if row["skeletons"] == size]
        loss = mean_and_error([row["loss"] for row in judged])
        right = mean_and_error([100 * row["accuracy"] for row in judged])
        shares = []
        for which in ("aif52", "fresh-constants"):
            values = [
                100 * row["A1 iid"]
                for key, found in result["accuracy"].items()
                if key.startswith(f"{size}/")
                for row in found
                if row["set"] == which
            ]
            mean, error = mean_and_error(values)
            digits = 0 if error >= 0.5 else 1
            shares.append(f"{mean:.{digits}f} ± {error:.{digits}f} %")
        rows.append(
            say(
                _PAGE,
                f"| {size:,} |".replace(",", " ") + " {} |" * 4 + "\n",
                f"{loss[0]:.3f} ± {loss[1]:.3f}",
                f"{right[0]:.1f} ± {right[1]:.1f} %",
                *shares,
            )
        )
    return rows


def _variants() -> list[Statement]:
    return [
        say(
            _PAGE,
            f"| {name} | {{}} | {{}} |\n",
            f"{row['judged']['loss']:.3f}",
            f"{row['own']['loss']:.3f}",
        )
        for row in load("nesymres_variants")["networks"]
        for name in ["base" if row["run"] == "base" else f"`{row['run']}`"]
    ]


def _card() -> list[Statement]:
    """What the weights have seen, and what they find of sets that only the prose tells of."""
    weights = load("nesymres_accuracy")["weights"]
    unseen, examples = weights["figures"]["held_out"], f"{weights['examples']:,}".replace(",", " ")
    fast = [_row("fastsrb", f"nesymres:{beam}", 512) for beam in (32, 1)]
    errors = [100 * (row["vNRR"] * (1 - row["vNRR"]) / row["equations"]) ** 0.5 for row in fast]
    found = [f"{100 * row['vNRR']:.0f} ± {e:.0f}" for row, e in zip(fast, errors, strict=True)]
    fewer = [_row("fresh-constants", f"nesymres:{beam}") for beam in (8, 1)]
    return [
        say(_PAGE, "| examples seen | {} in batches of 32, then", examples),
        say(
            _PAGE,
            "the prior draws them; {} on skeletons that it has not met,",
            f"{unseen['loss']:.3f}",
        ),
        say(
            _PAGE,
            "given those before | {*} before the GPU, {} % |",
            f"{100 * unseen['accuracy']:.1f}",
        ),
        say(
            _PAGE,
            f"| {examples} | {{*}} | {{}} | {{}} % | {{}} % |",
            f"{unseen['loss']:.3f}",
            _share(_row("aif52", "nesymres:32"), "A1 iid"),
            _share(_row("fresh-constants", "nesymres:32"), "A1 iid"),
        ),
        say(
            _PAGE,
            "right to single precision on fresh points: {} % with beam 32 in {} CPU-seconds, {} % with "
            "beam 1 in {}. Published there:",
            found[0],
            f"{fast[0]['cpu_seconds']:.2f}",
            found[1],
            f"{fast[1]['cpu_seconds']:.2f}",
        ),
        say(
            _PAGE,
            "(beam 8: {} and {}, beam 1: {} and {})",
            *(f"{100 * row[name]:.0f}" for row in fewer for name in ("A1 iid", "A1 ood")),
        ),
    ]


def _readme() -> Statement:
    row = _row("aif52", "nesymres:32")
    return say(
        _USAGE,
        "alone they find {} of AI Feynman's 52 in {} seconds each,",
        round(52 * row["A1 iid"]),
        f"{row['cpu_seconds']:.1f}",
    )
