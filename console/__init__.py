"""The web console: connect a company to Buildertrend, and see at any time what is going on."""
