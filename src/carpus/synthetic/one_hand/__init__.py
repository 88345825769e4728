"""People whose hands one picture shows: how they hold them, what a camera makes of it, where they are."""
