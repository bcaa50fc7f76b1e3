"""The language of commands: shell words, one parser for every tool's options, kinds of values, meanings."""
