"""Floppy disks and CDs: `write` makes their images, `proofs` reads what comes back on them."""
