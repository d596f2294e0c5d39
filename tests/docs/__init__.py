"""The examples of docs/api get the answers that the pages show."""
