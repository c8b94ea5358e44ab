"""`python -m benchmarks.graph_training`; see `benchmarks.graphs.training`."""

from benchmarks.graphs.training import main

if __name__ == "__main__":
    main()
