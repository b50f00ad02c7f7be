"""The rules tier, tested by what it promises."""
