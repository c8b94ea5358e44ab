"""Other variables in which a problem is simpler, each with its way back."""
