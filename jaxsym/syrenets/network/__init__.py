"""The network of symbolic layers: candidates, selection, losses, training, and what it says."""
