"""Loads the listings of the real-estate board into the database."""
