"""Rate limits: the policy as a value, how it is written, and the two stores that count."""
