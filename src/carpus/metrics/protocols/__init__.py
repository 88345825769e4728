"""The published evaluation of each dataset."""
