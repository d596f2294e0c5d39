"""The command `larder`, which the wheel installs."""

import os
import sys

USAGE = """Usage: larder COMMAND [ARGUMENTS]

  serve     the web server, with DATABASE_URL and the settings of .env.example
  worker    the worker of jobs
  manage    a command of Django or of Larder: larder manage help
"""


def main() -> None:
    """Run the command that the arguments name; otherwise print the usage, with status 2."""
    command, *arguments = sys.argv[1:] or ["help"]
    if command == "serve":
        from larder.ops import serve

        sys.argv = ["larder serve", *arguments]
        serve.main()
    elif command == "worker":
        manage(["procrastinate", "worker", *arguments])
    elif command == "manage":
        manage(arguments)
    else:
        sys.exit(USAGE)


def manage(arguments: list[str]) -> None:
    """Run a command of Django's command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["larder manage", *arguments])
