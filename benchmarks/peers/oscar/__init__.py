"""django-oscar with django-oscar-api."""
