"""What serves the drawing app.

launch      `nnlib app`: Voila with the packaged notebook and configuration
connection  messages between page and kernel without delay; named in `voila.json`
"""
