"""Hand4Whole: body, hands and face of one person as SMPL-X."""
