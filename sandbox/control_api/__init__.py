"""The control API under `/sandbox/api`: what people, demos and tests use to set up and change companies."""
