"""Two commits on one machine, measured in turn: what a change gave, and whether it can be told."""
