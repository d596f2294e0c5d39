"""Django's migrate, as the owner of the tables, with the other roles' rights renewed after it."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from larder.ops import roles


class Command(migrate.Command):
    """The server's own role can neither make nor change tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        roles.grant(using=options["database"])
