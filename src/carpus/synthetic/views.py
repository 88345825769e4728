"""How each dataset sees its hands: camera, distances, turns, sensor."""

from __future__ import annotations

from carpus.geometry.camera import Camera
from carpus.synthetic.hand import HandView
from carpus.synthetic.noise import SensorNoise

_SMALL = Camera(241.42, 241.42, 160.0, 120.0)

MSRA_VIEW = HandView(_SMALL, (320, 240), (250.0, 450.0), offset=(0.3, 0.25))
ICVL_VIEW = HandView(
    _SMALL,
    (320, 240),
    (220.0, 430.0),
    pitch_deg=(-30.0, 50.0),
    roll_deg=(-70.0, 70.0),
    forearm_mm=90.0,
)
NYU_VIEW = HandView(
    Camera(588.036865, 587.075073, 320.0, 240.0),
    (640, 480),
    (520.0, 900.0),
    yaw_deg=(-65.0, 65.0),
    pitch_deg=(-35.0, 60.0),
    roll_deg=(-50.0, 50.0),
    offset=(0.5, 0.45),
    forearm_mm=230.0,
    back_share=0.2,
)
HANDS17_VIEW = HandView(
    Camera(475.065948, 475.065857, 315.944855, 245.287079),
    (640, 480),
    (300.0, 750.0),
    yaw_deg=(-80.0, 80.0),
    pitch_deg=(-60.0, 70.0),
    roll_deg=(-180.0, 180.0),
    offset=(0.5, 0.45),
    forearm_mm=240.0,
    back_share=0.45,
)

TIME_OF_FLIGHT = SensorNoise(sigma_mm_at_1m=9.0, border_drop=0.2)
STRUCTURED_LIGHT = SensorNoise(sigma_mm_at_1m=3.0, smooth_px=5, border_drop=0.45, drop=0.0005)
