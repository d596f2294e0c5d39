"""The collections of docs/clients, played against a real shop."""
