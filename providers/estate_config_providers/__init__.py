"""The first-party providers, one package each, found through their entry points like a stranger's."""
