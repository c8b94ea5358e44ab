"""`python -m benchmarks.odes`; see `benchmarks.discovery.odes`."""

from benchmarks.discovery.odes import main

if __name__ == "__main__":
    main()
