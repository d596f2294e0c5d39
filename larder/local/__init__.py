"""Larder on one machine: the command `larder`."""
