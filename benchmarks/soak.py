"""`python -m benchmarks.soak`; see `benchmarks.reliability.soak`."""

from benchmarks.reliability.soak import main

if __name__ == "__main__":
    main()
