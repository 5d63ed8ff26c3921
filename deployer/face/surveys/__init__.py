"""Surveys for people and for programs: how each section stands, what differs, what may be shown."""
