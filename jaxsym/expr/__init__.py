"""The expression language: operators, expressions, and their converters."""
