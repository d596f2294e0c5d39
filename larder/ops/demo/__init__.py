"""Demo mode: its products and users, and the example app."""
