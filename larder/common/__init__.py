"""What every module may use: errors, money, ids, database helpers. Imports nothing of ours."""
