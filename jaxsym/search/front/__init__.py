"""Candidates of one target, and how they are ranked, fitted again and chosen."""
