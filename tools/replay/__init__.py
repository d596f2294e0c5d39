"""Replays a real shop's orders through HTTP and counts every unit by itself.

    python -m tools.replay --orders 300 --customers 16

A run opens its own products and accounts, so it can be repeated on any shop; the answers that the
clients got are then compared with what the server says. Nothing of the server's code is used.
"""
