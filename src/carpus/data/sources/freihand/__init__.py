"""FreiHAND."""

from carpus.data.sources.freihand.source import FreiHAND

__all__ = ["FreiHAND"]
