"""OpenTelemetry spans. Only ``gateway.telemetry`` imports this, and only where tracing is on."""
