"""The panels of the drawing app, one per file. `base.py` says what a panel is."""
