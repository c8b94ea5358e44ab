"""What the search takes for rounding, and what a node must be worth: every such number once.

float64 has a relative step of 2e-16, float32 one of 1e-7. Sums over hundreds of rows and systems of
a few badly conditioned columns lose some of these digits, so that each tolerance lies some powers
of ten above the step.
"""

# --- in float64

TINY = 1e-300
"""Stands for zero where something is divided by it; the smallest normal number is 2e-308."""

SAME = 1e-9
"""Relative difference of two numbers that is rounding: conditioning may cost half of the digits.
A column whose deviation is below this share of its size counts as constant."""

ROUNDING = 1e-24
"""Share of a square that is rounding: residuals of 1e-12 of the target."""

EXACT = 1e-20
"""Loss of an exact answer, as a share of the variance: constants that are fitted to 1e-10 of their
values, as steps of Levenberg and Marquardt leave them."""

SPANNED = 1e-10
"""`1 - overlap**2` below which two columns, or a column and those before it, count as dependent."""

RCOND = 1e-13
"""Relative singular value below which least squares leave a direction out: a hundred steps."""

LARGEST = 1e100
"""Size of values whose squares, products and sums over rows are finite; the limit is 1e308."""

# --- in float32, in which whole libraries are ranked before the best are fitted in float64

EXACT_SINGLE = 1e-13
"""`EXACT` for data that have been rounded to float32: its step squared, and some rows."""

SHARE_SINGLE = 1e-6
"""Share of a variance that scores in float32 cannot see."""

SPANNED_SINGLE = 1e-4
"""`SPANNED` for columns in float32."""

LARGEST_SINGLE = 1e9
"""Size of values whose squares, products and sums over rows are exact enough in float32."""

# --- parsimony

NODE = 0.1
"""Logarithm of the share of the variance left that a node of an expression must be worth when
candidates of a stage are ranked. The number of expressions grows by a factor of a few with every
node, and so does what the best of them explains by chance."""

NODE_OF_EQUALS = 1e-3
"""The same where parts are ranked that are judged in their whole formula afterwards: it decides
between equals alone. With noise a true part explains little more than a simpler one, and `NODE`
would leave it out."""
