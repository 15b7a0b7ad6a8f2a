"""The command `protiv-buildertrend`."""
