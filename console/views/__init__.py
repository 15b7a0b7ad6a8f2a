"""What pages say: pure functions from what was read to words and shapes."""
