"""`python -m benchmarks.graph_networks`; see `benchmarks.graphs.networks`."""

from benchmarks.graphs.networks import main

if __name__ == "__main__":
    main()
