"""The cable and its addresses: which interface, which address, who else has it, what blocks it.

Read `addresses` first. Everything here judges facts that `edge/link` has gathered; `doctor` puts
them together for people.
"""
