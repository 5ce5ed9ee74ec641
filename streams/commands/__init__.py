"""The commands of `groupbeat`. Each is a thin layer over a function that tests call."""
