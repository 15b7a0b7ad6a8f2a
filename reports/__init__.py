"""What operators and admins ask: how every company is doing, why a record is not in Protiv, and where the sides differ.

Reads schemas `integration` and `protiv` and the topics; changes nothing. The CLI and the console show what it returns.
"""
