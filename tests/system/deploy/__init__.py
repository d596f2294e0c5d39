"""What lies in deploy/, tried with a real Larder."""
