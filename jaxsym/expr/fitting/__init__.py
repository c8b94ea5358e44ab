"""Constants: fitted, with their errors, and replaced by exact numbers where the data allow it."""
