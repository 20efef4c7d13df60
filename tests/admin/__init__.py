"""The admin listener's parts that need no gateway around them."""
