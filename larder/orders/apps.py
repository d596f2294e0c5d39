from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "larder.orders"
    label = "orders"
