"""The estate's applications; those in Node.js have their schema here, in Python, as every service has."""
