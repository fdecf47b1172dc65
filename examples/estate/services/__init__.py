"""The estate's services."""
