"""Any part of any trained model: recorded, explained by equations, and replaced by them."""
