"""The problem that a search is given: data, units, and what the user knows of the answer."""
