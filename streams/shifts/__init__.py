"""The fast path for shifts: decoded, normalised and encoded by column, with the same result as record by record."""
