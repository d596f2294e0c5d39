"""Takes payments of a simulated provider through losses and crashes, and counts the money.

    python -m tools.checkouts --seconds 120 --seed 7

It starts a separate shop, a provider and phones. Both servers are killed and started again. At the
end the provider's record of what it captured is compared with the shop's database. Linux only.
"""
