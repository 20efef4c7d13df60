"""The access log's parts: what a line says, what it must not say, and who writes it."""
