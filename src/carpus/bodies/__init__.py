"""Body models: safe reading of their files, MANO hands, stand-ins, the parts of a hand."""
