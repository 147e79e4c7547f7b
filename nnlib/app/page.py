"""What surrounds the widgets: style sheet, scripts, heartbeat, and boxes with CSS classes."""

from pathlib import Path

import ipywidgets as widgets

from nnlib.app.guard import Guard

STATIC = Path(__file__).parent / "static"


def page_html(thumbnails_css: str) -> str:
    """The style sheet, with the rules for the thumbnails, and the scripts."""
    style, access, watchdog = (
        (STATIC / name).read_text(encoding="utf-8")
        for name in ("style.css", "access.js", "watchdog.js")
    )
    return f"<style>{style}{thumbnails_css}</style><script>{access}\n{watchdog}</script>"


def heartbeat(guard: Guard) -> tuple[widgets.Button, widgets.HTML]:
    """Two hidden widgets: the page presses the first, and the kernel counts in the second.

    `watchdog.js` sees from the count whether the kernel still answers.
    """
    ping, pong = widgets.Button(), widgets.HTML("0")
    ping.add_class("nnlib-ping")
    pong.add_class("nnlib-pong")
    ping.on_click(guard(lambda _: setattr(pong, "value", str(int(pong.value) + 1))))
    return ping, pong


def box(css_class: str, *children: widgets.Widget) -> widgets.VBox:
    """The widgets one below the other, in a box with that class."""
    widget = widgets.VBox(children)
    widget.add_class(css_class)
    return widget
