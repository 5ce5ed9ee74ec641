"""The rules about chains, in sentences. What they say in short docs/chains.md says exactly."""

from __future__ import annotations

from streams.rule_block import Block

BLOCKS: tuple[Block, ...] = (
    Block(
        "Chains",
        "chains",
        {
            "orphan": "a share moves under its parent if that comes within {orphan_hours} hours after it",
            "explosive_content": (
                "{explosive_shares} shares in the first hour or more, and fewer than {explosive_part} of "
                "{explosive_contents} contents or more had as many; it ends after {explosive_hours} hours"
            ),
        },
    ),
)
"""In the order in which they are told."""
