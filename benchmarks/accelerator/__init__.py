"""Everything that is measured on an accelerator, in one command that ends in time."""
