"""How many there are: stock (available, committed) and the append-only ledger."""
