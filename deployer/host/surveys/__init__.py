"""Surveys on this computer: the folder that an old PC gets, and what came back of it.

`asked` makes the folder, `kept` has the surveys of a state directory.
"""
