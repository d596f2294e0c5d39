"""Finds customers for the admin and for `authenticate()`, by a case-insensitive name."""

from django.contrib.auth.backends import ModelBackend


class CustomerBackend(ModelBackend):
    """Django's backend. CustomerManager.get_by_natural_key compares names without case. For unknown
    names the backend hashes too, so that both answers take the same time."""
