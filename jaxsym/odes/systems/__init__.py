"""Whole systems: as data, fitted to trajectories, chosen, told, and verified."""
