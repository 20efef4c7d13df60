"""The shadow side: takes copies by value, and nothing comes back from here."""
