"""Vendure, server and worker."""
