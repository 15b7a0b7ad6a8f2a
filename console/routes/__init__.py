"""The answers to requests, a file a subject; which route may be used by whom is in `console.screens`."""
