"""Which chunks, provider, model and budget: by rules, or as a thinking model proposes within the
same limits.
"""
