"""Five earlier backends' contracts, each a thin translation over the services v1 uses too.

`COMPAT` names those that are enabled. All their paths authenticate, read bodies, refuse and page
with the functions of this package. Each contract's shapes and sentences are in its module.
"""
