"""`secrets.ts`: a service's schema in TypeScript, and the files beside it that load it as Python would."""

from estate_config.generate.typescript.files import runtime, typescript

__all__ = ["runtime", "typescript"]
