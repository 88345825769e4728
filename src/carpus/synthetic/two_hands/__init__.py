"""Two hands of one person before the cameras of a studio: poses, contact, people, rooms, pictures."""
