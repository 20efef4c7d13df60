"""The dashboard: its parts by themselves, and all of it in a real browser."""
