"""The official evaluation of AGORA: who is matched with whom, errors by part, figures over F1."""

from carpus.metrics.agora.figures import AgoraFigures, figures_of, precision_recall_f1
from carpus.metrics.agora.matching import Matching, match_people
from carpus.metrics.agora.people import AgoraImage, Person
from carpus.metrics.agora.scoring import AgoraReport, score_agora
from carpus.metrics.agora.tables import AgoraTables

__all__ = [
    "AgoraFigures",
    "AgoraImage",
    "AgoraReport",
    "AgoraTables",
    "Matching",
    "Person",
    "figures_of",
    "match_people",
    "precision_recall_f1",
    "score_agora",
]
