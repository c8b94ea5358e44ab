"""`python -m benchmarks.other_laws`; see `benchmarks.discovery.other_laws`."""

from benchmarks.discovery.other_laws import main

if __name__ == "__main__":
    main()
