"""Fuzzes v1 and the earlier contracts: requests made of their OpenAPI documents, answers held
against them (schemathesis)."""
