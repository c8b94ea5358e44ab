"""Figures that the README and the pages of `docs/` state, from `benchmarks/results/`.

A statement is a piece of a page with its figures left open. `python -m benchmarks.tables` tells
which figures differ from the results, `--write` puts these in; a test does the first.
"""
