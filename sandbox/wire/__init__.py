"""The source's own endpoints, one module for each area, which answer as real accounts were seen to answer."""
