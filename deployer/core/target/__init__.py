"""All that the old PC reads and writes: names, manifest, GO.BAT, FTP scripts, page, report.

Read `manifest` and `gobat` first; docs/formats.md has the forms. `proof` reads what comes back and
says what it is worth. Facts about the target stand where they matter, with their source.
"""
