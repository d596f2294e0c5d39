"""Django's `createsuperuser`, without a required `--email`: accounts need no address here."""

import os
from typing import Any

from django.contrib.auth.management.commands import createsuperuser


class Command(createsuperuser.Command):
    """Takes the arguments of Django's command; `--email` is optional."""

    def handle(self, *args: Any, **options: Any) -> Any:
        if not options["interactive"] and options["email"] is None:
            options["email"] = os.environ.get("DJANGO_SUPERUSER_EMAIL", "")
        return super().handle(*args, **options)
