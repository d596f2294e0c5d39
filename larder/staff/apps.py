"""The admin as a Django app: its templates and its catalogue."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "larder.staff"
    label = "staff"

    def ready(self) -> None:
        """Runs after the admin has found the screens of all apps."""
        from larder.staff.model_names import translate_names

        translate_names()
