"""A shop made with django-oscar; it runs in an environment of its own."""
