"""The admin of stock: lists, ledger, adjustments, files of products."""
