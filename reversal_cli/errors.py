"""The exception for mistakes that a user can fix, and the wording that its messages share."""

import difflib
from collections.abc import Iterable, Sequence

LONGEST_NAME = 200
"""Characters of a name that are compared with the known names; comparing more is slow."""


class ReversalError(Exception):
    """A user's mistake. The message is `where: what was found; what is expected; what to do`.

    `main` prints it as one line on stderr and exits with code 2. Anything else that is raised is a bug and keeps its
    traceback.
    """


class FullMemoryError(ReversalError):
    """The memory of the GPU does not suffice; less work at a time may fit."""


class BusyError(ReversalError):
    """Another process works on the run; later it may not."""


class WorkerError(Exception):
    """A worker process that ended before its run did. The message has the form of a ReversalError's.

    `main` prints it as one line on stderr and exits with code 1: the same command may well succeed.
    """


def unknown_name(where: str, kind: str, name: str, known_names: Iterable[str]) -> ReversalError:
    """The error for a name that is not in `known_names`; suggests the nearest of them.

    >>> str(unknown_name("--objective", "objective", "bicco", ["ntp", "bico"]))
    "--objective: unknown objective 'bicco'; did you mean 'bico'? (bico, ntp)"
    """
    names = sorted(known_names)
    close = difflib.get_close_matches(name[:LONGEST_NAME], names, n=1)
    hint = f"did you mean '{close[0]}'?" if close else "expected one of"
    return ReversalError(f"{where}: unknown {kind} '{name}'; {hint} ({', '.join(names)})")


def first_of(names: Sequence[str], shown: int) -> str:
    """The first `shown` names, and how many more there are.

    >>> first_of(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
