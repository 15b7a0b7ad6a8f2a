"""The Faust app: raw change records in, canonical records out, linked to their parents; dead letters for the rest."""
