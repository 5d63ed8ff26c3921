"""Floppy disks and CDs that carry a deployment: what stands on which, and the batch files there.

Read `spread` first: it puts the parts of a payload on disks. `batch` writes GO.BAT, which brings
them to the PC and names what has to come again; `fat12` makes and reads images of floppy disks;
`code` is the proof that a person types.
"""
