"""The SQL of orders. Docstrings say what the ORM lacks, or what its version takes: medians on two
cores, with the database on the same machine. Tests compare statements with the ORM."""
