"""The only package that knows Buildertrend's wire: paths, field names, sign-in, signs of failure.

Marks say how sure a fact is: [A] seen by two or more independent sources, [B] by one, [B raw] read off real answers,
[C] our own guess or choice.
"""
