"""The command line: one thin file per verb, that parses, calls ``latentia.api`` or a model, and renders."""
