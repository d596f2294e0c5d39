"""Proves Larder's promises on a running shop: customers go on through every failure, and one audit
compares all that they were answered with the books.

    python -m tools.proof drill release --seed 7 [--full] [--plant]
    python -m tools.proof load --url https://shop.example

A scenario is a module of `scenarios`: `play(kit)`, with `SETTINGS` and `SERVERS` if it needs them;
`use(fleet, full=…)` if it can use a shop that runs elsewhere.
"""
