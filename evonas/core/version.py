"""The version of evonas, which results carry."""

__version__ = "0.1.0"
