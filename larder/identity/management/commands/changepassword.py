"""Django's `changepassword`, which also ends the sessions and keys of the old password."""

import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import changepassword

from larder.core.clock import now
from larder.identity.services import passwords


class Command(changepassword.Command):
    """Takes the arguments of Django's command."""

    help = "Sets a user's password, and ends their sessions and long-lived keys."

    def handle(self, *args: Any, **options: Any) -> Any:
        message = super().handle(*args, **options)
        name = options["username"] or getpass.getuser()
        changed = get_user_model()._default_manager.get(username=name)
        passwords.set_password(changed.pk, changed.password, now=now())
        return message
