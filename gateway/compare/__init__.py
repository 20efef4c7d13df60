"""Whether the shadow's answer is the live one: from two captured answers to a verdict.

``answer`` and ``verdict`` are the words everything here speaks, and what the
store, the dashboard and the report are made of.
"""
