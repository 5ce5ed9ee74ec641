"""``python -m pages``: make every page and its pictures anew."""

from __future__ import annotations

from pages import cdnow, views

cdnow.write()
views.write()
