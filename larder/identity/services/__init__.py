"""Every write of identity, one file per group of use cases."""
