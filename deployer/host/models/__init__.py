"""Models of others for an old PC: converted, kept by their sums, inspected.

Read `conversion` first. `template` runs a model's chat template in a process of its own. Whatever
needs numpy and the gguf package is imported when it is called: they are the extra `models`.
"""
