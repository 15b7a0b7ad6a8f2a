"""Replays dead letters after a fix: writes their records again, in order, each once."""
