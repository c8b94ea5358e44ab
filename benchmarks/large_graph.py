"""`python -m benchmarks.large_graph`; see `benchmarks.graphs.large`."""

from benchmarks.graphs.large import main

if __name__ == "__main__":
    main()
