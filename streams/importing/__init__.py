"""``groupbeat import``: exports of chat systems, and CSV, into events of the contract.

One module a source (`slack`, `discord`, `telegram`, `irc`, `table`), each with a ``read`` that gives drafts.
`contract` makes events of drafts, `sorting` puts them in the order of time, `run` writes, sends or replays
them.

What is written never enters an event: no texts and no names of people, only who did what, where and when.
"""
