"""The fast way for shifts: checked, normalised and encoded by column, many at once.

The other way is record by record: `streams.normalise` and `streams.state.partition`. It takes every record, says what
is wrong with an invalid one, and defines the result. This one takes ordinary shifts only, and for these it must give
the same bytes, headers, state and counts. A rule that changes there is changed here, or `are_ordinary` no longer
accepts the shifts concerned.

The property tests that hold the two together: `tests/unit/streams/test_by_column.py` for delivered shifts and
`test_bulk_load.py` for loaded ones put generated histories, with the values of `odd_shifts.py`, through both and
compare.

`columns` says which change records of a batch are ordinary shifts and makes their canonical columns and bytes; `batch`
hands them to the stage and to the state.
"""
