"""Laws of any terms from given rates, their symmetries, and how much they explain."""
