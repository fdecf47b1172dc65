"""`estate scan`: credentials that stand in the tree or in git's index, where they should not."""
