"""Django's migrate, as the owner of the tables. Afterwards it grants the rights of other roles."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from larder.ops import roles


class Command(migrate.Command):
    """Runs as the owner, because the server's role can neither make nor change tables."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        roles.grant(using=options["database"])
