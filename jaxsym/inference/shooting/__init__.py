"""Multiple shooting: constants and first states of any motion, fitted to noisy series."""
