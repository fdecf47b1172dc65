"""The backend, in Node.js: its schema is in `settings.py`, and `src/lib/secrets.ts` is made of that."""
