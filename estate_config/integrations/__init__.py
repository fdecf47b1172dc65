"""What lets a tool follow live settings, a module for each; it is imported by who has the tool."""
