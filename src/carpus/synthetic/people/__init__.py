"""Whole people: how they stand, sit and reach, what they wear, what a camera makes of it, where they are."""
