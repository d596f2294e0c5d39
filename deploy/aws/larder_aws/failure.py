"""The message for the operator, in place of a traceback."""


class Failure(Exception):
    """One or more lines that say what is wrong and what to do."""
