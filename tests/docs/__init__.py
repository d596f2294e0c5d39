"""The examples of docs/reference get the answers that the pages show."""
