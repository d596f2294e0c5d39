"""All writes of the catalogue, one file for each group of use cases."""
