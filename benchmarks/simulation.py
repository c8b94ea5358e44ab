"""`python -m benchmarks.simulation`; see `benchmarks.speed.simulation`."""

from benchmarks.speed.simulation import main

if __name__ == "__main__":
    main()
