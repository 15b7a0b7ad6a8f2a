"""Pure functions from a change record to a canonical record; nothing here keeps state.

This is the way of one record at a time. `streams.shifts` does the same for many shifts at once, by column, and must
give the same result: `tests/unit/streams/test_by_column.py` and `test_bulk_load.py` compare the two.
"""
