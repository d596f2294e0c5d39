from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "larder.notifications"
    label = "notifications"
