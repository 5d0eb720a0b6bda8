"""Leaves the machine usable for others while a training runs."""

import os

# Read by OpenMP when torch is first imported: an idle worker thread must sleep, not spin.
os.environ.setdefault("KMP_BLOCKTIME", "0")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
