"""The writes of the relay: how far it is, deliveries, and endpoints."""
