"""`python -m benchmarks.symbolic_evaluation`; see `benchmarks.speed.symbolic_evaluation`."""

from benchmarks.speed.symbolic_evaluation import main

if __name__ == "__main__":
    main()
