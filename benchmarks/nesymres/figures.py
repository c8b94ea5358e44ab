"""The figures of Biggio et al. (2021), drawn from the benchmark's own results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.nesymres.studies import mean_and_error

Rows = Sequence[Mapping[str, Any]]


def draw_all(rounds: Sequence[tuple[int, Rows]], data: Rows, log: Rows, folder: Path) -> list[Path]:
    """Write the figures that the results are enough for, and return their files.

    Args:
      rounds: examples that weights have seen, with `accuracy.summary`'s rows; the
        figures of the paper are of those that have seen most.
      data: `studies.measure`'s rows, of banks of several sizes.
      log: lines of a pretraining run.
      folder: of the images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    accuracy = max(rounds, key=lambda r: r[0])[1] if rounds else []
    if len(rounds) > 1:
        written.append(_by_round(rounds, folder / "rounds.png"))
    if log:
        written.append(_by_examples(log, folder / "pretraining.png"))
    if data:
        written.append(_by_skeletons(data, folder / "figure_2.png"))
    if accuracy:
        usual = max({row["points"] for row in accuracy}, key=[r["points"] for r in accuracy].count)
        timed = [row for row in accuracy if row["points"] == usual]
        written.append(_by_time(timed, "A1 iid", folder / "figure_3.png"))
        written.append(_by_time(timed, "A1 ood", folder / "figure_4.png"))
    if len({row["points"] for row in accuracy}) > 1:
        written.append(_by_points(accuracy, folder / "figure_5.png"))
    return written


def _by_round(rounds: Sequence[tuple[int, Rows]], path: Path) -> Path:
    """What each round of training is worth: accuracy of the same sets, method and points."""
    figure, panels = _axes(2)
    places = [{(r["set"], r["method"], r["points"]): r for r in rows} for _, rows in rounds]
    common = [place for place in places[0] if all(place in other for other in places)]
    for axes, measure in zip(panels, ("A1 iid", "A1 ood"), strict=True):
        for place in common:
            found = [
                {"examples": examples / 1000, **rows[place]}
                for (examples, _), rows in zip(rounds, places, strict=True)
            ]
            found.sort(key=lambda row: row["examples"])
            _bars(axes, found, "examples", measure, f"{place[0]}, {place[1]}")
        axes.set(xlabel="examples, thousands", ylabel=measure)
    panels[0].legend(fontsize="x-small")
    return _save(figure, path)


def _by_examples(log: Rows, path: Path) -> Path:
    """How a run learns: held-out loss and tokens right against the examples seen."""
    figure, (left, right) = _axes(2)
    seen = [line["examples"] / 1000 for line in log]
    left.plot(seen, [line["held_out"]["loss"] for line in log], label="held out")
    left.plot(seen, [line["loss"] for line in log], alpha=0.5, label="training")
    left.set(xlabel="examples, thousands", ylabel="loss, nats per token")
    left.legend(fontsize="x-small")
    right.plot(seen, [line["held_out"]["accuracy"] for line in log])
    right.set(xlabel="examples, thousands", ylabel="held-out tokens right")
    return _save(figure, path)


def _by_skeletons(data: Rows, path: Path) -> Path:
    """Figure 2: what more skeletons are worth at the same number of steps."""
    figure, (left, right) = _axes(2)
    sizes = sorted({row["skeletons"] for row in data})
    for axes, name, label in (
        (left, "loss", "held-out loss, nats per token"),
        (right, "accuracy", "held-out tokens right"),
    ):
        points = [
            mean_and_error([r["judged"][name] for r in data if r["skeletons"] == size])
            for size in sizes
        ]
        means, errors = zip(*points, strict=True)
        axes.errorbar(sizes, means, yerr=errors, marker="o", capsize=3)
        axes.set(xscale="log", xlabel="skeletons", ylabel=label)
    return _save(figure, path)


def _by_time(rows: Rows, measure: str, path: Path) -> Path:
    """Figures 3 and 4: accuracy against processor time, a panel for every set with several rows."""
    named = [row["set"] for row in rows]
    sets = [name for name in dict.fromkeys(named) if named.count(name) > 1] or named[:1]
    colors = {method: f"C{place}" for place, method in enumerate(_lines(rows))}
    figure, panels = _axes(len(sets))
    for axes, name in zip(panels, sets, strict=True):
        for method, found in _lines(r for r in rows if r["set"] == name).items():
            found.sort(key=lambda row: row["cpu_seconds"])
            _bars(axes, found, "cpu_seconds", measure, method, color=colors[method])
        axes.set(xscale="log", title=name, xlabel="CPU-seconds an equation", ylabel=measure)
        axes.set(xlim=(0.01, 10), ylim=(-0.02, 1.02))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize="x-small", loc="outside lower center", ncols=6)
    return _save(figure, path)


def _by_points(rows: Rows, path: Path) -> Path:
    """Figure 5: accuracy of the network's widest beam against the number of points."""
    own = [row for row in rows if row["method"].startswith("nesymres:")]
    widest = max(own, key=lambda row: int(row["method"].split(":")[1]))["method"]
    figure, panels = _axes(2)
    for axes, measure in zip(panels, ("A1 iid", "A1 ood"), strict=True):
        for name in dict.fromkeys(row["set"] for row in own):
            found = [r for r in own if r["set"] == name and r["method"] == widest]
            if len(found) > 1:
                _bars(axes, sorted(found, key=lambda r: r["points"]), "points", measure, name)
        axes.set(xscale="log", xlabel="points", ylabel=measure, title=widest)
    panels[0].legend(fontsize="x-small")
    return _save(figure, path)


def _lines(rows: Any) -> dict[str, list[Mapping[str, Any]]]:
    """Rows by method, whatever its beam or time limit is."""
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        lines.setdefault(row["method"].split(":")[0], []).append(row)
    return lines


def _bars(axes: Any, rows: Rows, x: str, measure: str, label: str, **style: str) -> None:
    errors = [row["standard_error"][measure] for row in rows]
    axes.errorbar(
        [row[x] for row in rows],
        [row[measure] for row in rows],
        yerr=errors,
        marker="o",
        capsize=2,
        label=label,
        **style,
    )


def _axes(count: int) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * count, 3.2), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=120)
    return path
