"""Simulated phones run the SDK of clients/typescript behind a hostile proxy; then all is compared.

    python -m tools.phones --sessions 300 --seed 7

It starts a separate shop. The proxy loses, doubles, delays, cuts and replays requests, and answers
as captive portals do; apps are killed at any moment. At the end, what each app shows is compared
with the shop's database. Needs node.js.
"""
