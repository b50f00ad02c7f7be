"""Imported by Python itself at the start of each process that has
this folder on its `PYTHONPATH`.
"""

import moved_clock

moved_clock.move()
