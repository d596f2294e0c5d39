"""Runs the collections of docs/clients against a real server."""
