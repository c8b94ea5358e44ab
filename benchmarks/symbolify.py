"""`python -m benchmarks.symbolify`; see `benchmarks.parts.symbolify_cases`."""

from benchmarks.parts.symbolify_cases import main

if __name__ == "__main__":
    main()
