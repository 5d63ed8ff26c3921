"""Surveys of simulated PCs with one setting the other way round: what each probe answers then."""
