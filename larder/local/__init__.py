"""Larder on one machine: the command `larder`, and a PostgreSQL of its own."""
