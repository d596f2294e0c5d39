from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "larder.staff"
    label = "staff"
