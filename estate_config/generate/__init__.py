"""What is made from the schemas and `estate.toml`: one module for each artefact, each a pure function to text."""
