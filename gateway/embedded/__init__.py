"""The pieces of an embedded mirror: what a gateway does not need, since it is its own host.

A host's application must not notice that it is mirrored: nothing here refuses,
raises or waits where the application alone would not have.
"""
