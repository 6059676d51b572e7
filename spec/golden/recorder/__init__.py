"""The parts of record.py: how cases are declared, run and written.

A catalogue module declares cases, an engine runs one case, tensors.py writes
what came out. No part knows the Lua side; the format is described in record.py.
"""
