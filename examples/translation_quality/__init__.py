"""Compares models on how well they translate the catalog: a dataset and an experiment for each model in Phoenix."""
