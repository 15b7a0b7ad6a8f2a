"""Dead letters: the record kept byte for byte with what was wrong, and what happens when there are many of them."""
