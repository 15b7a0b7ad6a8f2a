"""A simulated Buildertrend: its wire with its quirks, a control API and a page, for tests, demos and development.

It stands alone: it imports none of the other packages.
"""
