"""`python -m benchmarks.dark_matter`; see `benchmarks.discovery.dark_matter`."""

from benchmarks.discovery.dark_matter import main

if __name__ == "__main__":
    main()
