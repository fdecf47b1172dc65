"""Telling others what happens to settings: an audit trail, OpenTelemetry, Prometheus. Off unless it is asked for."""
