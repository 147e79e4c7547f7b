"""Who gets in, and who waits."""

import pytest

from nnlib.server import admission
from nnlib.server.admission import PATIENCE, PRESENT, Admission, Full


class House:
    """A queue whose clock and kernels the test sets."""

    def __init__(self, max_kernels=3, max_starting=2):
        self.now, self.n_kernels = 0.0, 0
        self.queue = Admission(
            max_kernels, max_starting, lambda: self.n_kernels, clock=lambda: self.now
        )

    def finish(self) -> None:
        """A page has been made: its kernel is in use."""
        self.queue.leave_start()
        self.n_kernels += 1


def test_visitors_get_in_until_as_many_pages_start_as_may():
    house = House(max_kernels=9, max_starting=2)
    assert [house.queue.enter(None) for _ in range(2)] == [None, None]
    assert house.queue.enter(None) is not None
    assert (house.queue.starting, house.queue.free) == (2, 7)


def test_visitors_get_in_until_all_kernels_are_in_use():
    house = House(max_kernels=2, max_starting=5)
    for _ in range(2):
        assert house.queue.enter(None) is None
        house.finish()
    ticket = house.queue.enter(None)
    assert ticket is not None
    house.n_kernels -= 1  # somebody leaves
    assert house.queue.enter(ticket) is None


def test_queue_keeps_the_order():
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    house.finish()
    first, second = house.queue.enter(None), house.queue.enter(None)
    assert [house.queue.place(ticket) for ticket in (first, second)] == [1, 2]
    house.n_kernels = 0
    assert [house.queue.place(ticket) for ticket in (first, second)] == [0, 1]
    assert house.queue.enter(second) == second  # not before the first
    assert house.queue.enter(None) not in (None, second)
    assert house.queue.enter(first) is None


def test_visitor_who_stops_asking_loses_the_place():
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    gone, patient = house.queue.enter(None), house.queue.enter(None)
    house.now = PATIENCE - 1
    house.queue.place(patient)
    house.now = PATIENCE + 1
    assert [house.queue.place(ticket) for ticket in (patient, gone)] == [1, 2]


def test_forgotten_ticket_is_not_overtaken_for_ever():
    """A tab in the background was silent for too long; it waits again, before later ones."""
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    asleep = house.queue.enter(None)
    house.now = PATIENCE + 1
    first = house.queue.enter(None)
    assert house.queue.place(asleep) == 2
    later = house.queue.enter(None)
    assert [house.queue.place(ticket) for ticket in (first, asleep, later)] == [1, 2, 3]


def test_visitors_who_are_absent_keep_their_place_but_hold_nobody_up():
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    absent, present = house.queue.enter(None), house.queue.enter(None)
    house.now = PRESENT + 1
    assert [house.queue.place(ticket) for ticket in (present, absent)] == [1, 1]
    assert house.queue.place(present) == 2


def test_visitor_who_may_not_enter_waits_although_there_is_room():
    house = House()
    ticket = house.queue.enter(None, may_enter=False)
    assert ticket is not None
    assert house.queue.enter(ticket, may_enter=False) == ticket
    assert house.queue.enter(ticket) is None


@pytest.mark.parametrize(("max_kernels", "most"), [(2, 4), (40, 10)])
def test_one_address_may_load_a_quarter_of_the_pages(max_kernels, most):
    assert House(max_kernels=max_kernels).queue.max_loading == most


def test_failed_page_makes_room():
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    ticket = house.queue.enter(None)
    house.queue.leave_start()
    assert house.queue.enter(ticket) is None


def test_invented_ticket_waits_at_the_end():
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    house.queue.enter(None)
    assert house.queue.place("invented") == 2
    assert house.queue.enter("invented") != "invented"


def test_full_queue_refuses(monkeypatch):
    monkeypatch.setattr(admission, "MAX_WAITING", 2)
    house = House(max_kernels=1, max_starting=1)
    house.queue.enter(None)
    tickets = {house.queue.enter(None) for _ in range(2)}
    assert len(tickets) == 2
    with pytest.raises(Full):
        house.queue.enter(None)
    house.now = PRESENT + 1  # those two have not asked since
    assert house.queue.enter(None) is not None
