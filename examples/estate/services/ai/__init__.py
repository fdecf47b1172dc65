"""Describes listings, with the help of a language model."""
