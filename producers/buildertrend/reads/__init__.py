"""The reads of the five entities: paging, rows, and the range in which a missing record was deleted."""
