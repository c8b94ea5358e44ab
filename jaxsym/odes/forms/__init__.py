"""Candidates for one right-hand side: sums of few terms, a search, the rows that decide."""
