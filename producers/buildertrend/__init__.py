"""The one place that knows what Buildertrend speaks: paths, field names, sign-in, signs of failure.

Marks in these modules say how sure a fact is: [A] seen by two or more independent sources, [B] by one, [C] our choice.
"""
