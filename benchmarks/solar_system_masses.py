"""`python -m benchmarks.solar_system_masses`; see `benchmarks.discovery.solar_system_masses`."""

from benchmarks.discovery.solar_system_masses import main

if __name__ == "__main__":
    main()
