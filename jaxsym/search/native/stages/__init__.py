"""The native engine's stages: each proposes expressions in a way of its own."""
