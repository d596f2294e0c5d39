"""What a page of the history costs in shops of different sizes, measured side by side."""
