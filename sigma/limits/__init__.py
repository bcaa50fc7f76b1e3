"""What one server gives to all who ask: every limit in one object, from the environment and the command line.

settings.py   the limits: what each is for, its default and its range
current.py    the limits of this process, read once; a field of a form that one of them ends
options.py    the same limits as options of a command, and as the table of README.md
visitors.py   what one visitor may ask: requests a minute, tokens an hour
"""
