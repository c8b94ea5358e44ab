"""The dark-matter case: from halos to an equation for each of them."""
