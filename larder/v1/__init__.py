"""The canonical API, version 1: one file per resource."""
