"""What a run looks like: overlays, curves, tables and the HTML page."""
