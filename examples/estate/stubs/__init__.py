"""Stand-ins for the two services of others that the estate calls. They check the key, as the real ones do."""
