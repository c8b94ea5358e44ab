"""`python -m benchmarks.noisy_motion`; see `benchmarks.discovery.noisy_motion`."""

from benchmarks.discovery.noisy_motion import main

if __name__ == "__main__":
    main()
