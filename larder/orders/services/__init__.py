"""The writes of orders, one file for each use case, and a folder for placing."""
