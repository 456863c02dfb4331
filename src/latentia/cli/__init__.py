"""The command line: one thin file per verb, that parses, calls ``latentia.api`` and renders."""
