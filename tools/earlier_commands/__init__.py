"""`make earlier-commands`: the commands that five earlier READMEs name, run as a reader would."""
