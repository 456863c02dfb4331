"""The studio: a local web page that does what the verbs do, with the same tasks and the same fields."""
