"""Lagrangians: exactness, noise, networks, adaptation."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.statement import Statement, load, power, say

_RESULTS, _PAGE = "docs/results.md", "docs/lagrangians.md"
_GROUPS = ("best", "5 best", "all", "5 worst")


def statements() -> list[Statement]:
    """All of them."""
    result = load("syrenets")
    return [
        *_exact(result),
        *_textbook(result),
        *_positions(result),
        *_own_terms(result),
        *_networks(result),
        *_tables(result),
        *_levels(result),
        *_changes(result),
    ]


def _exact(result: dict[str, Any]) -> list[Statement]:
    systems = result["exact"]
    pendulum, friction, cart, chain = (systems[name] for name in systems)
    network, direct = (
        [row[route] for row in (pendulum, friction, cart, chain)] for route in ("network", "direct")
    )
    own = sum(row["routes"].get("network", 0) for row in network)
    recombined = sum(row["routes"].get("recombined", 0) for row in network)
    count = lambda rows: f"{sum(r['exact'] for r in rows)} of {sum(r['seeds'] for r in rows)}"  # noqa: E731
    noisy = [
        row for row in result["noise"] if 0.01 in (row["torque_noise"], row["acceleration_noise"])
    ]
    right = f"{sum(r['right_structure'] for r in noisy)} of {sum(r['seeds'] for r in noisy)}"
    worst = max(row["worst_constant_error"] for row in noisy)
    never = list(result["untrained"].values())
    return [
        say(
            _RESULTS,
            "cart-pole, chain of 3 links | exact {}, {} s (chain: {} s) at most |",
            count(direct),
            f"{max(row['most_seconds'] for row in direct[:3]):.1f}",
            f"{direct[3]['most_seconds']:.1f}",
        ),
        say(
            _RESULTS,
            "double pendulum, 10 seeds each | right terms {}, constants to {} % |",
            right,
            f"{100 * worst:.1g}",
        ),
        say(
            _RESULTS,
            "chain of 3 links | exact {}: {} of the cart-pole's by the network's own terms, {} by "
            "terms recombined from its factors; {} s at most on busy cores,",
            count(network),
            own,
            recombined,
            ", ".join(f"{row['most_seconds']:.0f}" for row in network[:3])
            + f" and {network[3]['most_seconds']:.0f}",
        ),
        say(
            _RESULTS, "networks that were never trained | exact {}: the recombination", count(never)
        ),
        say(
            _PAGE,
            'seeds 0 to 9 are exact, {}, and all but {} of the cart-pole\'s by `"recombined"` terms; '
            "networks that were never trained are made exact as often: {}, {} of the cart-pole's by "
            "their own terms.",
            count(network),
            own,
            count(never),
            sum(row["own_terms"] for row in never),
        ),
    ]


def _textbook(result: dict[str, Any]) -> list[Statement]:
    direct, default = (
        [row[route] for row in result["textbook"].values()] for route in ("direct", "auto")
    )

    def count(rows: list[dict[str, Any]]) -> str:
        return f"{sum(row['exact'] for row in rows)} of {sum(row['seeds'] for row in rows)}"

    def most(rows: list[dict[str, Any]]) -> str:
        return f"{max(row['most_cpu_seconds'] for row in rows):.1f}"

    return [
        say(
            _RESULTS,
            "planar arm on a cart | exact {}, {} CPU-seconds at most |",
            count(direct),
            most(direct),
        ),
        say(
            _PAGE,
            "at 4,000 states exact {} by the direct route, {} CPU-seconds at most, and {} by the "
            "default route, {} CPU-seconds at most with compiling.",
            count(direct),
            most(direct),
            count(default),
            most(default),
        ),
    ]


def _positions(result: dict[str, Any]) -> list[Statement]:
    rows = list(result["positions"].values())
    right = sum(row["right_terms"] for row in rows)
    worst = max(row["worst_constant_error"] for row in rows)
    own = [
        (
            f"{row['right_terms']} of {row['seeds']}",
            f"{100 * row['worst_constant_error']:.1g}",
            f"{row['rms_in_standard_errors']:.1f}",
        )
        for row in rows
    ]
    return [
        say(
            _RESULTS,
            "two double pendulums, 10 seeds each | right terms {}, constants to {} % |",
            f"{right} of {sum(row['seeds'] for row in rows)}",
            f"{100 * worst:.1g}",
        ),
        say(
            _PAGE,
            "with rods of 2.67 and 1.67 right terms {}, constants off by {} % at most, errors {} "
            "standard errors (rms); with rods of 0.4 and 0.3, which turn faster, right "
            "terms {}, constants off by {} % at most, errors {} standard errors (rms); {} "
            "CPU-seconds a run at most.",
            *own[0],
            *own[1],
            f"{max(row['most_cpu_seconds'] for row in rows):.0f}",
        ),
    ]


def _own_terms(result: dict[str, Any]) -> list[Statement]:
    return [
        say(
            _PAGE,
            f"| {name} | {{}} | {{}} | {{}} | {{}} |",
            f"{row['trained']['exact']} of {row['seeds']}",
            f"{sum(r['exact_restarts'] for r in row['trained']['rows'])} of "
            f"{row['trained']['restarts'] * row['seeds']}",
            f"{row['untrained']['exact']} of {row['seeds']}",
            f"{row['trained']['most_cpu_seconds']:.0f}",
        )._replace(after="| system | trained |")
        for name, row in result["own_terms"].items()
    ]


def _networks(result: dict[str, Any]) -> list[Statement]:
    tables = result["tables"]
    torque, values = (tables[target]["measured"]["SyReNets"] for target in ("torque", "L"))
    speed = result["speed"]
    rates = speed["steps_of_one_seed_per_second"]
    return [
        say(
            _RESULTS,
            "best and mean of 10 seeds | {}, {} after {} steps in {} CPU-seconds |",
            power(torque["test"]["best"]),
            power(torque["test"]["all"]),
            f"{torque['steps']:,}",
            f"{torque['cpu_seconds']:.0f}",
        ),
        say(
            _RESULTS,
            "from values of L | {}, {} after {} steps in {} CPU-seconds |",
            power(values["test"]["best"]),
            f"{values['test']['all']:.1g}",
            f"{values['steps']:,}",
            f"{values['cpu_seconds']:.0f}",
        ),
        say(
            _RESULTS,
            "ten seeds in one program | {}, {} times torch's {} (the aim was {} times) |",
            f"{rates['jaxsym']['cpu_seconds']['median']:.0f}",
            f"{speed['times_faster']['cpu_seconds']:.1f}",
            f"{rates['torch']['cpu_seconds']['median']:.0f}",
            f"{speed['target_ratio']:.0f}",
        ),
    ]


def _tables(result: dict[str, Any]) -> list[Statement]:
    rows = []
    for target, note in (("torque", "from torques alone"), ("L", "from values of L")):
        for method, row in result["tables"][target]["measured"].items():
            steps = f"{row['steps']:,}" if "steps" in row else ""
            rows.append(
                say(
                    _PAGE,
                    f"| {method} | {{}} | {{}} | {{}} | {{}} | {{}} | {{}} |",
                    *(f"{row['test'][group]:.2g}" for group in _GROUPS),
                    steps,
                    f"{row['cpu_seconds']:.0f}",
                )._replace(after=note)
            )
    return rows


def _levels(result: dict[str, Any]) -> list[Statement]:
    """Steps and seconds until the symbolic network was below an error."""
    found = [result["tables"][target]["measured"]["SyReNets"] for target in ("torque", "L")]

    def told(row: dict[str, Any], level: str, group: str) -> str:
        steps = row["steps_to_reach"][level].get(group)
        if steps is None:
            return "not reached"
        return f"{steps:,}, {row['cpu_seconds'] * steps / row['steps']:.0f} s"

    return [
        say(
            _PAGE,
            f"| {float(level):g} | {{}} | {{}} | {{}} | {{}} |\n",
            *(told(row, level, group) for row in found for group in ("best", "all")),
        )._replace(after="| error | Table 2: best seed")
        for level in found[0]["steps_to_reach"]
    ]


def _changes(result: dict[str, Any]) -> list[Statement]:
    rows = []
    for row in result["adaptation"]:
        change = row["mse_at_change"]
        rows.append(
            say(
                _PAGE,
                f"| {row['stage']} | {{}} | {{}} | {{}} | {{}} | {{}} |",
                f"{row['variance']:.0f}",
                "" if change is None else f"{change:.0f}",
                f"{row['mse_after']:.2g}",
                f"{row['mse_of_a_fresh_network']:.2g}",
                f"{row['steps']:,}",
            )
        )
    return rows
