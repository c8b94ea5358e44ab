"""Measurements behind every figure that the README states, and how to take them again.

`python -m benchmarks` runs all of them, `--quick` at sizes that only show that they work. Each is a
module of its own, with options of its own: `python -m benchmarks.graph_training --json FILE`.
`benchmarks/results/` holds what was measured for the published figures.
"""
