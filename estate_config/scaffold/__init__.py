"""`estate init`: a first schema, `estate.toml`, example and test, from nothing or from what a project has already."""
