"""``groupbeat rebuild --from-events``: people under other rules. See docs/rebuild.md."""
