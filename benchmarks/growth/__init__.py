"""What requests cost in shops of very different sizes, measured side by side."""
