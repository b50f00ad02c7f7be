"""dreaming: each day's conversations become semantic memory chunks overnight."""
