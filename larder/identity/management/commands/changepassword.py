"""Django's `changepassword`; as anywhere, what was opened with the old password ends."""

import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import changepassword

from larder.core.clock import now
from larder.identity.services import passwords


class Command(changepassword.Command):
    """Takes the arguments of Django's own."""

    help = "Sets a user's password; their log-ins and long-lived keys end."

    def handle(self, *args: Any, **options: Any) -> Any:
        told = super().handle(*args, **options)
        name = options["username"] or getpass.getuser()
        changed = get_user_model()._default_manager.get(username=name)
        passwords.set_password(changed.pk, changed.password, now=now())
        return told
