"""From the old PC to this computer: its list of files, what is asked of it, and the parts it sends.

Read `listing` first. Everything here comes from a machine that may be hostile or broken: nothing is
believed that is not sealed, and no name leads out of the pull's own folder.
"""
