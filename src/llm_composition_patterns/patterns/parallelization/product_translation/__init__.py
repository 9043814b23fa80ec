"""The parts of the product translation example: the catalogue, the languages, the checks, the report."""
