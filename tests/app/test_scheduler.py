"""When predictions run and panels are shown, with panels that only note their names."""

import asyncio
import itertools
import time

import pytest

from nnlib.app.scheduler import PREDICT_INTERVAL, Scheduler


class FakePanel:
    """Notes its name in `shown`."""

    def __init__(self, name: str, shown: list[str], is_open: bool = True):
        self.name, self.shown, self.is_open = name, shown, is_open

    def show(self, snapshot: object) -> None:
        self.shown.append(self.name)


class App:
    """A scheduler with panels a to d (c is closed), and one panel for pen-up."""

    def __init__(self, predict_seconds: float = 0.0):
        self.shown: list[str] = []
        self.predictions: list[float] = []  # when each prediction began
        self.panels = [FakePanel(name, self.shown, name != "c") for name in "abcd"]
        pen_up_panels = [FakePanel("export", self.shown)]

        def predict(pen_up: bool) -> None:
            self.predictions.append(time.monotonic())
            time.sleep(predict_seconds)

        self.scheduler = Scheduler(predict, self.panels, pen_up_panels, lambda handler: handler)

    async def until_idle(self) -> None:
        while self.scheduler.busy:
            await asyncio.sleep(0.001)

    async def draw(self, seconds: float) -> None:
        """Move the pen every two milliseconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.scheduler.predict_soon()
            await asyncio.sleep(0.002)


def test_pen_up_without_event_loop_shows_every_panel_at_once():
    app = App()
    app.scheduler.predict_now()
    assert len(app.predictions) == 1
    assert app.shown == ["a", "b", "c", "d", "export"]
    assert not app.scheduler.busy


def test_moves_without_event_loop_predict_nothing():
    app = App()
    app.scheduler.predict_soon()
    assert app.predictions == [] and not app.scheduler.busy


def test_burst_of_moves_makes_one_prediction():
    async def session() -> App:
        app = App()
        for _ in range(1000):
            app.scheduler.predict_soon()
        assert app.predictions == []  # a move only starts the timer
        await app.until_idle()
        return app

    assert len(asyncio.run(session()).predictions) == 1


def test_pen_up_predicts_at_once_and_cancels_the_waiting_one():
    async def session() -> App:
        app = App()
        app.scheduler.predict_soon()
        app.scheduler.predict_now()
        assert len(app.predictions) == 1
        await app.until_idle()
        await asyncio.sleep(2 * PREDICT_INTERVAL)
        return app

    assert len(asyncio.run(session()).predictions) == 1


@pytest.mark.parametrize(
    ("predict_seconds", "least"), [(0.0, PREDICT_INTERVAL), (0.1, 3 * 0.1)], ids=["fast", "slow"]
)
def test_predictions_while_drawing_keep_their_distance(predict_seconds, least):
    """At most ten a second; a slow prediction is followed by a pause of twice its time."""

    async def session() -> list[float]:
        app = App(predict_seconds)
        await app.draw(1.0)
        return app.predictions

    started = asyncio.run(session())
    assert len(started) >= 3
    distances = [later - earlier for earlier, later in itertools.pairwise(started)]
    assert min(distances) >= least - 0.001


def test_open_panels_take_turns_while_drawing():
    async def session() -> list[str]:
        app = App()
        for _ in range(3):
            app.scheduler.predict_soon()
            await app.until_idle()
        return app.shown

    shown = asyncio.run(session())
    assert len(shown) == 6  # two for each prediction
    assert shown.count("a") == shown.count("b") == shown.count("d") == 2


def test_closed_panels_are_not_shown_while_drawing():
    async def session() -> list[str]:
        app = App()
        for panel in app.panels:
            panel.is_open = False
        app.scheduler.predict_soon()
        await app.until_idle()
        assert len(app.predictions) == 1
        return app.shown

    assert asyncio.run(session()) == []


def test_pen_is_served_between_two_panels_while_drawing():
    async def session() -> list[str]:
        app = App()
        app.scheduler.predict_soon()
        while not app.shown:
            await asyncio.sleep(0)
        app.shown.append("move")
        await app.until_idle()
        return app.shown

    shown = asyncio.run(session())
    assert len(shown) == 3 and shown[1] == "move"


def test_pen_up_shows_panels_after_the_answer_could_leave():
    async def session() -> list[str]:
        app = App()
        app.scheduler.predict_now()
        assert app.shown == [] and app.scheduler.busy
        await app.until_idle()
        return app.shown

    assert asyncio.run(session()) == ["a", "b", "c", "d", "export"]


def test_new_prediction_cancels_the_panels_of_the_last():
    async def session() -> list[str]:
        app = App()
        app.scheduler.predict_now()
        app.scheduler.predict_now()
        await app.until_idle()
        return app.shown

    assert asyncio.run(session()) == ["a", "b", "c", "d", "export"]
