"""Pulls: what the host keeps of what an old PC sends, and the folder that is made of it.

`receiver` takes lists and parts in the FTP server's thread, and says what is still to come.
"""
