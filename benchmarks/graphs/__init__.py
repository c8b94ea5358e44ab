"""Graph networks: the paper's tables, training against torch-geometric, motion, a large graph."""
