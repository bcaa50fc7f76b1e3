"""The Chat tab: two columns that answer one prompt, and the live pictures below."""
