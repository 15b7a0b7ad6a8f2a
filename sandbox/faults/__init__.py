"""Faults of the source, wrapped around an answer like middleware; the switch of each says what it does.

To add one: a switch in `sandbox.switches`, and a class with `__call__(visit, inner)` that answers itself or awaits
`inner()` and may change what it gave, listed in one of the two chains of `sandbox.faults.chain`.
"""
