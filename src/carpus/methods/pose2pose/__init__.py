"""Pose2Pose: body, one hand or the head alone as SMPL, MANO or FLAME."""
