"""The admin listener: health, metrics and control, never reachable through the public one."""
