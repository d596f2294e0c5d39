"""Larder itself, as `make run` and the images start it."""
