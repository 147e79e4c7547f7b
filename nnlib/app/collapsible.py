"""A panel that can be hidden, and is not computed while it is."""

import ipywidgets as widgets

from nnlib.app.guard import Guard
from nnlib.app.panels.base import Snapshot, TitledPanel


class Collapsible(widgets.VBox):
    """A panel below a button with its title, which shows and hides it.

    While it is hidden, nothing is computed for it.
    """

    def __init__(self, panel: TitledPanel, guard: Guard, is_open: bool = False) -> None:
        self.panel = panel
        self._snapshot: Snapshot | None = None
        self.button = widgets.ToggleButton(is_open, description=panel.title)
        self.button.add_class("nnlib-collapsible")
        self.button.observe(guard(lambda change: self._toggle()), "value")
        super().__init__([self.button, panel])
        self._toggle()

    @property
    def is_open(self) -> bool:
        return bool(self.button.value)

    def show(self, snapshot: Snapshot | None) -> None:
        self._snapshot = snapshot
        if self.is_open:
            self.panel.show(snapshot)

    def _toggle(self) -> None:
        self.panel.layout.display = None if self.is_open else "none"
        self.show(self._snapshot)
