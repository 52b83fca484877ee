# SPDX-License-Identifier: MIT
"""Reads C sources as far as the rules of tools/lint.py need: tokens, and the functions in them.

Not a compiler: preprocessor lines are left out, both branches of a conditional count, and what
looks like a function definition is one.
"""

import dataclasses
import re

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<preprocessor>^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
      | (?P<punctuation>\S)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE)

ATTRIBUTES = {"__attribute__", "_Alignas", "__asm__", "asm", "__declspec", "typeof", "__typeof__"}
LOOPS = {"for", "while", "switch"}
CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclasses.dataclass
class Token:
    kind: str
    text: str
    line: int


@dataclasses.dataclass
class Function:
    """A definition: its name, first and last line, parameters and deepest nesting."""

    name: str
    line: int
    end_line: int
    parameters: int
    nesting: int

    @property
    def lines(self):
        return self.end_line - self.line + 1


def tokens_of(text):
    """The tokens of a source, comments and preprocessor lines left out."""
    found, line, position = [], 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if match.lastgroup not in ("comment", "preprocessor"):
            found.append(Token(match.lastgroup, match.group(), line))
    return found


def functions_of(text):
    """The functions that are defined in a source."""
    tokens = tokens_of(text)
    functions, start, at = [], 0, 0
    while at < len(tokens):
        text_here = tokens[at].text
        if text_here in ("(", "["):
            at = skip_group(tokens, at)
        elif text_here == ";":
            at += 1
            start = at
        elif text_here == "{":
            end = skip_group(tokens, at)
            function = _function_from(tokens, start, at, end)
            if function:
                functions.append(function)
                start = end
            elif start < at and tokens[start].text == "extern":
                start = end  # extern "C" { ... }
            at = end
        else:
            at += 1
    return functions


def skip_group(tokens, at):
    """The index after the bracket that closes the one at `at`."""
    opening = tokens[at].text
    closing, depth = CLOSING[opening], 0
    while at < len(tokens):
        if tokens[at].text == opening:
            depth += 1
        elif tokens[at].text == closing:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return at


def _function_from(tokens, start, brace, end):
    """The function whose declaration is [start, brace) and whose body is [brace, end)."""
    at = start
    while at < brace:
        token = tokens[at]
        following = tokens[at + 1].text if at + 1 < brace else ""
        if token.text == "=":
            return None
        if token.text in ATTRIBUTES and following == "(":
            at = skip_group(tokens, at + 1)
        elif token.kind == "word" and following == "(":
            close = skip_group(tokens, at + 1)
            return Function(
                name=token.text, line=token.line, end_line=tokens[end - 1].line,
                parameters=_count_parameters(tokens, at + 2, close - 1),
                nesting=_Nesting(tokens).of_block(brace))
        else:
            at += 1
    return None


def _count_parameters(tokens, start, end):
    if start >= end or (end - start == 1 and tokens[start].text == "void"):
        return 0
    count, at = 1, start
    while at < end:
        if tokens[at].text in CLOSING:
            at = skip_group(tokens, at)
            continue
        if tokens[at].text == ",":
            count += 1
        at += 1
    return count


class _Nesting:
    """How deep if, for, while, do and switch lie inside each other, braces or not; an `else if`
    is as deep as its `if`."""

    def __init__(self, tokens):
        self._tokens = tokens
        self._deepest = 0

    def of_block(self, brace):
        self._block(brace, 0)
        return self._deepest

    def _text(self, at):
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _block(self, at, depth):
        at += 1
        while at < len(self._tokens) and self._text(at) != "}":
            at = self._statement(at, depth)
        return at + 1

    def _inner(self, at, depth):
        self._deepest = max(self._deepest, depth + 1)
        return self._statement(at, depth + 1)

    def _statement(self, at, depth):
        text = self._text(at)
        if text == "{":
            return self._block(at, depth)
        if text == "if":
            return self._if(at, depth)
        if text == "do":
            at = self._inner(at + 1, depth)
            return self._expression(at)
        if text in LOOPS or self._is_loop_macro(at):
            return self._inner(skip_group(self._tokens, at + 1), depth)
        return self._expression(at)

    def _if(self, at, depth):
        at = self._inner(skip_group(self._tokens, at + 1), depth)
        if self._text(at) != "else":
            return at
        if self._text(at + 1) == "if":
            return self._if(at + 1, depth)
        return self._inner(at + 1, depth)

    def _is_loop_macro(self, at):
        return "FOR_EACH" in self._text(at) and self._text(at + 1) == "("

    def _expression(self, at):
        """Past the next `;`, or the `:` of a label."""
        while at < len(self._tokens):
            text = self._text(at)
            if text == ";":
                return at + 1
            if text == "}":  # a macro without a semicolon ends its block
                return at
            if text == ":" and self._is_label(at):
                return at + 1
            at = skip_group(self._tokens, at) if text in CLOSING else at + 1
        return at

    def _is_label(self, colon):
        """True if no `?` of the same statement waits for this colon."""
        at, waiting = colon - 1, 0
        while at >= 0 and self._text(at) not in (";", "{", "}"):
            waiting += {"?": 1, ":": -1}.get(self._text(at), 0)
            at -= 1
        return waiting <= 0
