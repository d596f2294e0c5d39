"""How the admin and `authenticate()` find a customer: by a name without regard to case."""

from django.contrib.auth.backends import ModelBackend


class CustomerBackend(ModelBackend):
    """Django's own: CustomerManager.get_by_natural_key does the folding, for unknown names
    the backend hashes all the same, so that both answers take the same time."""
