"""Resets the second factor of a member of staff, or makes a code to enrol the first one."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.core.ids import SYSTEM_ACTOR
from larder.identity.services import audit, second_factors
from larder.identity.services.second_factors import Account


class Command(BaseCommand):
    """Run on the server, by its role."""

    help = (
        "The second factor of a member of staff: --enrol prints a code with which they enrol one "
        "within 24 hours; --reset removes their factors and recovery codes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--enrol", action="store_true", help="print an enrolment code")
        what.add_argument("--reset", action="store_true", help="remove factors and codes")

    def handle(self, *args: Any, **options: Any) -> None:
        people: Any = get_user_model()._default_manager
        secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        try:
            found = people.get_by_natural_key(options["username"])
            account = Account(found.pk, found.public_id, secrets)
            with audit.acting(SYSTEM_ACTOR, audit.COMMAND):
                if options["reset"]:
                    second_factors.reset(None, account)
                    self.stdout.write("The second factor is removed.")
                else:
                    code = second_factors.make_enrolment_code(None, account, now=now())
                    self.stdout.write(code)
        except (people.model.DoesNotExist, NotFound) as error:
            raise CommandError(
                "There is no active account of this name. Check the user name."
            ) from error
