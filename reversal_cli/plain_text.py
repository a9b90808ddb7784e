"""Text from files and models made safe for terminals, Markdown and spreadsheets."""

import re

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that reorder the text around them."""
INVISIBLE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff{BIDIRECTIONAL}]")
"""Characters that a terminal does not show: C0 and C1 controls, line separators, direction marks; and lone surrogates
(bytes of a path that are not UTF-8), which cannot be written."""
LAYOUT = "\n\t"
FORMULA = re.compile(r"[=+\-@\t\r]")
"""The beginning of a cell that a spreadsheet would evaluate."""
TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""The beginning of HTML in Markdown; `< 0.001` is not HTML."""


def visible(text: str, keep: str = "") -> str:
    r"""The text with invisible characters as escapes, except those in `keep`.

    >>> visible("a\x1b[31m\u202eb")
    'a\\x1b[31m\\u202eb'
    """
    return INVISIBLE.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def markdown_text(text: str) -> str:
    r"""The text with HTML and the bars of a table escaped for Markdown.

    >>> markdown_text("a|<b>")
    'a\\|&lt;b>'
    """
    return TAG.sub("&lt;", visible(text, LAYOUT)).replace("|", r"\|")


def spreadsheet_text(text: str) -> str:
    """The text with an apostrophe before the beginning of a formula, so that a spreadsheet does not evaluate it.

    >>> spreadsheet_text("=1+1"), spreadsheet_text("bico")
    ("'=1+1", 'bico')
    """
    return f"'{text}" if FORMULA.match(text) else text


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
