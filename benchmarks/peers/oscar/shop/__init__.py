"""A shop made with django-oscar; it runs in a separate environment."""
