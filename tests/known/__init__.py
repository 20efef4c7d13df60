"""The register of known differences."""
