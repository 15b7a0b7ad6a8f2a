"""Puts dead letters through again after a fix, in order, each once."""
