"""What requests must look like: rules compiled once, checked for each request.

Leaves for ``middleware/validation.py``. They know requests only as a
``Message`` and settings only as plain values; they answer nobody and count
nothing: what does not fit is ``Rejected`` with a reason.
"""
