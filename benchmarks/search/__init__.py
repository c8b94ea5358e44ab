"""Equations found again: problem sets, engines, measures."""
