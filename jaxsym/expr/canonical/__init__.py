"""The canonical form: equal formulas get equal tokens."""
