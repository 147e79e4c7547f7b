"""The version of the library; model files name it."""

__version__ = "0.2.0"
