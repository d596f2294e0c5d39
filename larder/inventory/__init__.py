"""Stock (available and committed units) and the append-only ledger."""
