"""Tests of dreaming.learning: scores, confidence, and segmenters that are fitted and moved."""
