"""2DHandFlow: one hand in 2D by normalising flows, and BiHand's stages to 3D and a hand model."""
