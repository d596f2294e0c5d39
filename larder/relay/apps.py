from django.apps import AppConfig


class RelayConfig(AppConfig):
    name = "larder.relay"
    label = "relay"
