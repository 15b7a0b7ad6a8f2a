"""The web console: a read-only page that shows how every company's connection is doing."""
