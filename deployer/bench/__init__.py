"""Many old PCs from one file."""
