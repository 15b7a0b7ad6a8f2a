"""Checks a recording of Buildertrend's answers: what the adapter understands of it, and whether the wire facts hold."""
