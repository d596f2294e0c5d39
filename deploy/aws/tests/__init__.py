"""Checks of the templates and the tool, on an emulator of AWS."""
