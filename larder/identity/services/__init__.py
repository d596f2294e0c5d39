"""All writes of identity, one file for each group of use cases."""
