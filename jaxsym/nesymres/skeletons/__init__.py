"""Skeletons: random expressions in canonical form with constants left open, drawn and stored."""
