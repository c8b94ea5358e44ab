"""The network: points in, tokens out, and its weights in files."""
