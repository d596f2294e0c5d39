"""The pages of docs/reference: their examples are requests that get the answers shown."""
