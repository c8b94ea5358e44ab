"""The protocol of engines, and the engines by name."""
