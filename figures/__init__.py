"""Figures and tables from stored results: read, draw, save; only `figures.main` touches files."""
