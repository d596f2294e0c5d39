"""Five earlier backends' contracts, each a thin translation over the services v1 uses too.

`COMPAT` names those that are on. Every path of theirs authenticates, reads bodies, refuses and
pages in the ways of this package; what a contract says of its own stands in its own module.
"""
