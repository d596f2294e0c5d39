"""Resets the second factor of a member of staff."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError

from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR
from larder.identity.services import audit, second_factors


class Command(BaseCommand):
    """Run on the server, by its role."""

    help = (
        "Remove the second factor and the recovery codes of a member of staff, who enrols another "
        "one at the next log-in."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--reset", action="store_true", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        people: Any = get_user_model()._default_manager
        try:
            member = people.get_by_natural_key(options["username"])
            with audit.acting(SYSTEM_ACTOR, audit.COMMAND):
                second_factors.reset(None, member.pk)
        except (people.model.DoesNotExist, NotFound) as error:
            raise CommandError(
                "There is no active account of this name. Check the user name."
            ) from error
        self.stdout.write("The second factor is removed.")
