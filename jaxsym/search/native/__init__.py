"""The native engine: a library of sub-expressions and the stages that use it."""
