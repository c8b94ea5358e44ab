"""Measurements behind every figure that the README states, and how to take them again.

`python -m benchmarks.NAME` takes one of `NAMES`, with options of its own, `python -m benchmarks`
all of them; `--quick` takes sizes that only show that they work, `--json FILE` writes what was
measured. `benchmarks/results/` holds what was measured for the published figures, and `python -m
benchmarks.tables` writes these into the README and the pages of `docs/`.

Rooms: `common` (clocks, records, files), `search` (equations for tables), `graphs` (networks),
`nesymres` (the pretrained network), `syrenets` (Lagrangians), `discovery` (laws from motion),
`parts` (networks of users' own),
`speed` (simulation, evaluation), `reliability` (limits, kills, damage) and `accelerator` (all that
one is wanted for, in one command). A module beside them is
the name of one benchmark of a room.
"""

NAMES = (
    "simulation",
    "symbolic_evaluation",
    "golden",
    "search",
    "nesymres",
    "syrenets",
    "discovery",
    "other_laws",
    "symbolify",
    "noisy_motion",
    "interactions",
    "odes",
    "solar_system_noise",
    "solar_system_masses",
    "dark_matter",
    "graph_training",
    "graph_networks",
    "graph_rollouts",
    "time_to_law",
    "large_graph",
    "time_limits",
    "soak",
    "accelerator",
)
