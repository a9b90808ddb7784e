"""Text from files and models as other programs may safely be given it: terminals, Markdown, spreadsheets."""

import re

BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks that reorder the text around them."""
INVISIBLE = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff{BIDIRECTIONAL}]")
"""What a terminal obeys instead of showing it: C0 and C1 controls, line separators, marks of direction. Lone
surrogates, which stand for bytes of a path that are not UTF-8, cannot even be written."""
LAYOUT = "\n\t"
FORMULA = re.compile(r"[=+\-@\t\r]")
"""How a cell begins that a spreadsheet would calculate."""
TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""How Markdown's HTML begins; `< 0.001` is no HTML."""


def visible(text: str, keep: str = "") -> str:
    r"""The text with control characters as escapes, except those in `keep`.

    >>> visible("a\x1b[31m\u202eb")
    'a\\x1b[31m\\u202eb'
    """
    return INVISIBLE.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def markdown_text(text: str) -> str:
    r"""Text in which Markdown sees no HTML and no end of a table's cell.

    >>> markdown_text("a|<b>")
    'a\\|&lt;b>'
    """
    return TAG.sub("&lt;", visible(text, LAYOUT)).replace("|", r"\|")


def spreadsheet_text(text: str) -> str:
    """Text that a spreadsheet shows and does not calculate: an apostrophe before what would begin a formula.

    >>> spreadsheet_text("=1+1"), spreadsheet_text("bico")
    ("'=1+1", 'bico')
    """
    return f"'{text}" if FORMULA.match(text) else text


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
