"""Makes the files of demo/online_retail that say what a product is, and how it looks."""
