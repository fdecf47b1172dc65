"""Stand-ins for the services of others that the estate calls. They check the key, as the real ones do."""
