"""Real peers for tests: upstreams that follow a script, a raw client, a whole gateway."""
