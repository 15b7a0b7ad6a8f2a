"""The poller: reads Buildertrend, compares with what was published, publishes only changes, in transactions."""
