"""From a user's files to parts: how a payload is recognised, cut, launched, and whether it fits.

Read `plan` first. `recipe` says how a kind of payload is launched, `modelfile` reads the header of
a language model, `fit` compares a payload with what is known of a PC.
"""
