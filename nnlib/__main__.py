"""`python -m nnlib COMMAND` is the same as `nnlib COMMAND`."""

from nnlib.cli import main

main()
