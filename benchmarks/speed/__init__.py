"""Simulation and evaluation of equations, beside what others do."""
