"""A command line as words, quoting undone as a shell would, and every sign that only a shell could act on named.

Nothing here runs anything: a pipe, a redirection, a substitution or a pattern makes the line one that is not simulated.
"""

from __future__ import annotations

import re

MAX_WORDS = 500
HOME = "/root"  # of the simulated node, whose terminal is root's: ~ and $HOME need no shell to be known
_HOME = re.compile(r"HOME\b|\{HOME\}", re.ASCII)
SIGNS = {
    "|": "a pipe",
    "&": "a second job (&)",
    ";": "a second command after ;",
    "&&": "a second command after &&",
    "||": "a second command after ||",
    ">": "a redirection",
    "<": "a redirection",
    "`": "a command substitution",
    "(": "a sub-shell",
    ")": "a sub-shell",
    "*": "a file pattern (*)",
    "?": "a file pattern (?)",
    "{": "a brace expansion",
    "}": "a brace expansion",
    "~": "a home directory (~)",
    "!": "a history expansion (!)",
}


class ShellError(ValueError):
    """The line needs a shell, or no shell would read it; the message says what for."""


def split(line: str) -> list[str]:
    """The words of one line. Raises ShellError for what only a shell could do and for an open quote."""
    words: list[str] = []
    word: list[str] | None = None
    place, quote = 0, ""
    while place < len(line):
        char = line[place]
        place += 1
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                word.append(char)
        elif quote == '"':
            if char == '"':
                quote = ""
            elif char == "\\" and place < len(line) and line[place] in '"\\$`':
                word.append(line[place])
                place += 1
            elif char == "$" and (home := _HOME.match(line, place)):
                word.append(HOME)
                place = home.end()
            elif char == "`" or (char == "$" and _expands(line, place)):
                raise ShellError(f"the command has {_dollar(char)}; nothing here is run by a shell")
            else:
                word.append(char)
        elif char in " \t":
            if word is not None:
                words.append("".join(word))
                word = None
        elif char == "#" and word is None:
            break  # a comment
        else:
            word = [] if word is None else word
            if char in "'\"":
                quote = char
            elif char == "\\":
                if place < len(line):
                    word.append(line[place])
                    place += 1
            elif char == "~" and not word and (place == len(line) or line[place] in "/ \t"):
                word.append(HOME)
            elif char in SIGNS and not _literal(char, word):
                sign = char * 2 if line.startswith(char, place) and char * 2 in SIGNS else char
                raise ShellError(f"the command has {SIGNS[sign]}; nothing here is run by a shell")
            elif char == "$" and (home := _HOME.match(line, place)):
                word.append(HOME)
                place = home.end()
            elif char == "$" and _expands(line, place):
                raise ShellError(f"the command has {_dollar(char)}; nothing here is run by a shell")
            else:
                word.append(char)
        if len(words) > MAX_WORDS:
            raise ShellError(f"the command has more than {MAX_WORDS} words")
    if quote:
        raise ShellError(f"a quote ({quote}) is not closed")
    if word is not None:
        words.append("".join(word))
    return words


def steps(line: str) -> list[tuple[str, str]]:
    """A line cut at `;` and `&&` outside quotes: each part with the sign that ends it ("" for the last)."""
    parts: list[tuple[str, str]] = []
    start = place = 0
    quote = ""
    while place < len(line):
        char = line[place]
        if char == "\\" and quote != "'":
            place += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#" and (place == start or line[place - 1] in " \t"):
            break
        elif char == ";" or line.startswith("&&", place):
            sign = ";" if char == ";" else "&&"
            parts.append((line[start:place], sign))
            place += len(sign) - 1
            start = place + 1
        place += 1
    return [*parts, (line[start:], "")]


def _literal(char: str, word: list[str]) -> bool:
    return (char == "~" and bool(word)) or (char == "!" and not word)


def _expands(line: str, place: int) -> bool:
    return place < len(line) and bool(re.match(r"[A-Za-z_({0-9@*#?$!-]", line[place]))


def _dollar(char: str) -> str:
    return "a command substitution" if char == "`" else "a variable or substitution ($)"


_ESCAPED = re.compile(r"\\([/_.\-])")
_BACKSLASHED = re.compile(r"(?<![^\s=])(?:\\[\w.\-]+){2,}(?!\S)", re.ASCII)


def plain_paths(line: str) -> str:
    r"""Back-slashed paths as plain ones: `\/tmp\/x.txt` and `\tmp\x.txt` both become `/tmp/x.txt`.

    The paper's printed truths have them (section 4.1's example); a model that learned from them may write them too.
    """
    line = _ESCAPED.sub(r"\1", line)
    return _BACKSLASHED.sub(lambda match: match[0].replace("\\", "/"), line)


def tidy(line: str) -> str:
    """What Exact Match compares: plain paths, single spaces. Only what a shell takes for a space is one."""
    return " ".join(re.split(r"[ \t\r\n\f\v]+", plain_paths(line).strip(" \t\r\n\f\v")))
