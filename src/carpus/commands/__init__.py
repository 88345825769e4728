"""One module per ``carpus`` command: ``EXAMPLE``, ``add_arguments(parser)`` and ``run(arguments)``.

Modules import at the top only what ``--help`` may pay for; everything else is imported inside ``run``.
"""
