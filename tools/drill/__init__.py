"""Kills parts of a running Larder under load, and holds the answers that customers got against the
books.

    python -m tools.drill --rounds 40 --seed 7

It starts `make run` in a separate folder, so no other data are touched; what brings things back
is that launcher, never the drill. Nothing of the server's code is used. Linux only.
"""
