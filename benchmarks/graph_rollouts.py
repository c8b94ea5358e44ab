"""`python -m benchmarks.graph_rollouts`; see `benchmarks.graphs.rollouts`."""

from benchmarks.graphs.rollouts import main

if __name__ == "__main__":
    main()
