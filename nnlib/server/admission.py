"""Who gets in, and who waits: a bound on kernels, and on kernels that start at the same time."""

import secrets
import time
from collections.abc import Callable

PATIENCE = 20.0  # seconds without asking, after which a waiting visitor has gone
MAX_WAITING = 500


class Full(Exception):
    """Even the queue is full."""


class Admission:
    """A queue in front of the app. Nobody is let in before those who came first.

    max_kernels: kernels at a time. max_starting: pages in the making at a time; more would make
    each of them slow. n_kernels: how many kernels there are whose pages are finished.
    """

    def __init__(
        self,
        max_kernels: int,
        max_starting: int,
        n_kernels: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_kernels, self.max_starting = max_kernels, max_starting
        self.starting = 0
        self._n_kernels, self._clock = n_kernels, clock
        self._waiting: dict[str, float] = {}  # ticket → when its owner last asked, in order

    @property
    def free(self) -> int:
        """How many kernels could be started by now."""
        return max(0, self.max_kernels - self._n_kernels() - self.starting)

    def enter(self, ticket: str | None) -> str | None:
        """Let a visitor in, or give a ticket to wait with.

        ticket: the one that he or she got before. Returns None if let in: `leave_start` must
        follow when the page is made. Raises Full.
        """
        if self.place(ticket) == 0:
            self._waiting.pop(ticket or "", None)
            self.starting += 1
            return None
        if ticket in self._waiting:
            return ticket
        if len(self._waiting) >= MAX_WAITING:
            raise Full
        ticket = secrets.token_urlsafe(12)
        self._waiting[ticket] = self._clock()
        return ticket

    def place(self, ticket: str | None) -> int:
        """How many have to go in before the owner of this ticket; 0: now. Asking keeps it valid."""
        now = self._clock()
        if ticket in self._waiting:
            self._waiting[ticket] = now
        self._waiting = {t: seen for t, seen in self._waiting.items() if now - seen < PATIENCE}
        tickets = list(self._waiting)
        before = tickets.index(ticket) if ticket in self._waiting else len(tickets)
        room = min(self.free, self.max_starting - self.starting)
        return max(0, before + 1 - room)

    def leave_start(self) -> None:
        """A page has been made, or has failed."""
        self.starting -= 1
