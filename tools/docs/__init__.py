"""The documentation site: pages as Sphinx reads them, pictures, screenshots."""
