"""A survey: what an old PC itself says of how it behaves, as values.

A `probe` is one question, `catalogue` has them all. `script` makes the folder that the old PC gets,
with SURVEY.BAT, which arms each probe before it starts. What comes back is a `record`; `judge` sets
it beside what was expected, and `share` makes of it what may be shown to anybody.
"""
