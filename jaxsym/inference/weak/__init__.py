"""The weak form: laws read from noisy positions through integrals against test functions."""
