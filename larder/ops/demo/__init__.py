"""Demo mode: its products and users, the example app, and the checks that keep it private."""
