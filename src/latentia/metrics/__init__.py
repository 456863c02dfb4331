"""Pure functions on arrays, each held against an independent reference in the tests."""
