"""`python -m benchmarks.time_to_law`; see `benchmarks.graphs.time_to_law`."""

from benchmarks.graphs.time_to_law import main

if __name__ == "__main__":
    main()
