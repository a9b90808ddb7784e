"""Damaged files: a short run of `fuzz.py`, whose findings of the past are mended."""

import pytest
from fuzz import SUBJECTS, fuzz


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_damaged_file_is_read_or_refused_with_a_line(subject):
    findings = [finding for finding in fuzz([subject], inputs=15, seed=1) if finding is not None]
    assert findings == []
