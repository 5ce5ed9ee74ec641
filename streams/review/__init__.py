"""``groupbeat review``: a week or month of a community against the one before, as one HTML file.

`reading` asks for everything, `sentences` says what moved, `charts` draws, `document` puts the page together.
"""
