"""`python -m benchmarks.time_limits`; see `benchmarks.reliability.time_limits`."""

from benchmarks.reliability.time_limits import main

if __name__ == "__main__":
    main()
