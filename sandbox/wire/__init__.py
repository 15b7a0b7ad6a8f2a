"""The source's own endpoints, one module for each area, spoken as real accounts were seen to speak."""
