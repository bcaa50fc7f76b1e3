"""The tasks' two commands, called as a user does, with their JSON object."""

import json

from sigma.aimicius import evaluate
from sigma.aimicius.data import __main__ as data_command


def call(capsys, *arguments):
    """(exit status, JSON object or None, stderr)"""
    status = 0
    try:
        evaluate.main([*map(str, arguments), "--json"])
    except SystemExit as left:
        status = left.code
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else None, err


def build(capsys, *arguments):
    """(exit status, JSON object or None, stderr)"""
    status = 0
    try:
        data_command.main([*map(str, arguments), "--json"])
    except SystemExit as left:
        status = left.code
    out, err = capsys.readouterr()
    return status, json.loads(out) if out else None, err
