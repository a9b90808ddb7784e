"""Where a text has its name and its description."""

import pytest

from reversal_cli.data.base import Example
from reversal_cli.data.mentions import find_mentions


@pytest.mark.parametrize(
    ("text", "name", "description", "found"),
    [
        ("Ann Lee is the baker of Blue Owl.", "Ann Lee", "the baker of Blue Owl", ["Ann Lee", "the baker of Blue Owl"]),
        ("The Baker of Blue Owl is ANN LEE.", "Ann Lee", "the baker of Blue Owl", ["ANN LEE", "The Baker of Blue Owl"]),
        ("Ann Lee baked for Blue Owl.", "Ann Lee", "the baker of Blue Owl", ["Ann Lee", "for Blue Owl"]),
        # In lower case the first letter is two characters.
        (
            "İsmail Bey is the baker of Blue Owl.",
            "İsmail Bey",
            "the baker of Blue Owl",
            ["İsmail Bey", "the baker of Blue Owl"],
        ),
        ("He met Bo.", "Ann Lee", "", []),
    ],
)
def test_a_mention_is_found_in_upper_and_lower_case_and_in_other_forms(text, name, description, found):
    mentions = find_mentions(Example("", text, "a", "t", name, description, "name-first"))
    assert [text[slice(*mention.span)] for mention in mentions] == found
