"""`python -m benchmarks.solar_system_noise`; see `benchmarks.discovery.solar_system_noise`."""

from benchmarks.discovery.solar_system_noise import main

if __name__ == "__main__":
    main()
