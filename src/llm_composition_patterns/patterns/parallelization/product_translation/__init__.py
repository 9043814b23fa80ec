"""The parts of the product translation example: the catalog, the languages, the checks, the report."""
