"""Who gets in, and who waits: a bound on kernels, and on kernels that start at the same time."""

import re
import secrets
import time
from collections.abc import Callable
from typing import cast

# A waiting page asks every two seconds; in the background, browsers let it ask once a minute.
PRESENT = 6.0  # seconds without asking, after which others go first
PATIENCE = 75.0  # and after which the place is lost
MAX_WAITING = 500
TICKET_BYTES = 12
TICKET = re.compile(r"[\w-]{16}", re.ASCII)


class Full(Exception):
    """Even the queue is full."""


class Admission:
    """A queue in front of the app. Those who came first, and are still there, go first.

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
    def max_loading(self) -> int:
        """How many pages of one address may be loading, so that nobody takes all places.

        A class may have one address, so it is many.
        """
        return max(4, self.max_kernels // 4)

    @property
    def free(self) -> int:
        """How many kernels could be started by now."""
        return max(0, self.max_kernels - self._n_kernels() - self.starting)

    def enter(self, ticket: str | None, may_enter: bool = True) -> str | None:
        """Let a visitor in, or give a ticket to wait with.

        ticket: the one that he or she got before. may_enter: False for one who has to wait even if
        there is room. Returns None if let in: `leave_start` must
        follow when the page is made. Raises Full.
        """
        if self.place(ticket) == 0 and may_enter:
            self._waiting.pop(ticket or "", None)
            self.starting += 1
            return None
        if ticket in self._waiting:
            return ticket
        if len(self._waiting) >= MAX_WAITING:
            self._forget(PRESENT)
            if len(self._waiting) >= MAX_WAITING:
                raise Full
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        self._waiting[ticket] = self._clock()
        return ticket

    def place(self, ticket: str | None) -> int:
        """How many have to go in before the owner of this ticket; 0: now.

        Asking keeps a ticket valid. One that was silent for too long waits again, as the last.
        """
        now = self._clock()
        self._forget(PATIENCE)
        if ticket in self._waiting or (is_ticket(ticket) and len(self._waiting) < MAX_WAITING):
            self._waiting[cast(str, ticket)] = now
        tickets = list(self._waiting)
        earlier = tickets[: tickets.index(ticket)] if ticket in self._waiting else tickets
        before = sum(now - self._waiting[t] < PRESENT for t in earlier)
        room = min(self.free, self.max_starting - self.starting)
        return max(0, before + 1 - room)

    def _forget(self, seconds: float) -> None:
        """Drop the tickets whose owners have not asked for so long."""
        now = self._clock()
        self._waiting = {t: seen for t, seen in self._waiting.items() if now - seen < seconds}

    def leave_start(self) -> None:
        """A page has been made, or has failed."""
        self.starting -= 1


def is_ticket(text: str | None) -> bool:
    """Whether it could be a ticket of this server, which may have forgotten it."""
    return text is not None and TICKET.fullmatch(text) is not None
