"""Dark matter: errors of networks and formulas."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.statement import Statement, load, say

_RESULTS, _PAGE = "docs/results.md", "docs/dark_matter.md"
_MODELS = {
    "constant": "constant",
    "simple": "simple",
    "best without mass": "the paper's best without mass",
    "best with mass": "the paper's best with mass",
    "network": "our network",
    "equation": "our equation",
}


def statements() -> list[Statement]:
    """All of them."""
    small, large = load("dark_matter"), load("dark_matter_128")
    return [*_small(small), *_growth(small), *_large(large), *_runs(small, large), _readme(large)]


def _error(result: dict[str, Any], fitted: str, model: str, part: str) -> str:
    return f"{result['fitted_to'][fitted]['errors'][model]['held_out'][part]:.3f}"


def _small(result: dict[str, Any]) -> list[Statement]:
    rows = []
    for model, name in _MODELS.items():
        start = f"| {name}" + (": {*}" if model == "simple" else "")
        paper = _digits(result["paper"]["all"].get(model, ("",))[0])
        rows += [
            say(_PAGE, f"{start} | {{}} | {paper} |\n", _error(result, "all", model, "all")),
            say(
                _PAGE,
                f"| {name} | {{}} | {{}} | {' | '.join(map(str, _paper(result, model)))} |\n",
                _error(result, "up to 1", model, "up to 1"),
                _error(result, "up to 1", model, "above 1"),
            )._replace(after="| fitted to overdensities up to 1 |"),
        ]
    return rows


def _paper(result: dict[str, Any], model: str) -> tuple[object, ...]:
    return tuple(result["paper"]["up to 1"].get(model, ("", "")))


def _digits(value: float | str) -> str:
    """Three digits after the point, and more where there are more."""
    return value if isinstance(value, str) else max(f"{value:.3f}", str(value), key=len)


def _growth(result: dict[str, Any]) -> list[Statement]:
    errors = result["fitted_to"]["up to 1"]["errors"]

    def grown(model: str) -> str:
        held_out = errors[model]["held_out"]
        return f"{100 * (held_out['above 1'] / held_out['up to 1'] - 1):.0f}"

    return [
        say(
            _PAGE,
            "the network's error grows by {} % and the equation's by {} % (paper:",
            grown("network"),
            grown("equation"),
        )
    ]


def _large(result: dict[str, Any]) -> list[Statement]:
    return [
        say(
            _PAGE,
            f"| {name} | {{}} | {{}} | {{}} |\n",
            _error(result, "all", model, "all"),
            _error(result, "up to 1", model, "up to 1"),
            _error(result, "up to 1", model, "above 1"),
        )._replace(after="### 128³ particles")
        for model, name in _MODELS.items()
    ]


def _runs(small: dict[str, Any], large: dict[str, Any]) -> list[Statement]:
    text = "{} s by the clock, {} of them for simulating, and {} s of processor time."
    seconds = ("seconds", "seconds_simulating", "cpu_seconds")
    return [
        say(_PAGE, f"which tests shared: {text}", *(f"{small[name]:.0f}" for name in seconds)),
        say(
            _PAGE,
            "six to fit ({} halos, {} of them of overdensity above 1) and two to test ({} and {}).",
            *(small[name][place] for place in (0, 1) for name in ("halos", "halos_above_1")),
        ),
        say(
            _PAGE,
            "three to fit ({} halos, {} of overdensity above 1) and one to test ({} and {}),",
            *(f"{large[n][place]:,}" for place in (0, 1) for n in ("halos", "halos_above_1")),
        ),
        say(
            _PAGE,
            "work used too: {} s in all, {} of them for simulating ({} s of processor time).",
            *(f"{large[name]:.0f}" for name in seconds),
        ),
    ]


def _readme(result: dict[str, Any]) -> Statement:
    models = ("constant", "simple", "best with mass", "network", "equation")
    grown = [
        _error(result, "up to 1", model, part)
        for model in ("network", "best with mass", "equation")
        for part in ("up to 1", "above 1")
    ]
    return say(
        _RESULTS,
        "the errors are {} (a constant), {} (the paper's simple formula), {} (its best one, "
        "refitted), {} (our network) and {} (our equation). Asked about denser halos than any in "
        "training, the network's error grows from {} to {}, the paper's formula's from {} to {}, and "
        "our equation's from {} to {}. These are our simulations",
        *(_error(result, "all", model, "all") for model in models),
        *grown,
    )
