"""The estate's older way to ask for secrets, kept for the code that uses it. New code reads `settings`."""

from __future__ import annotations

from services.ai.settings import settings


class SecretsManager:
    """Plain texts, for libraries that take no others. Always the version that is in force now."""

    def get_database_url(self) -> str:
        return str(settings.database_url)

    def get_openai_api_key(self) -> str:
        return settings.openai_api_key.get_secret_value()


secrets_manager = SecretsManager()
