"""`python -m benchmarks.interactions`; see `benchmarks.discovery.interactions`."""

from benchmarks.discovery.interactions import main

if __name__ == "__main__":
    main()
