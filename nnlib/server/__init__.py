"""What the Voila server needs beyond Voila. It is named in `voila.json`."""
