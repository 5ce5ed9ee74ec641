"""The chains stage: how each content spreads from share to share. Defined in docs/chains.md."""
