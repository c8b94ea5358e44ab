"""Lagrangians: exactness, noise, networks against torch."""
