"""The interactive face: everything that happens, live, and the requests that a user has."""
