"""Tests of dreaming.importing: written exports of every format, damaged files, archives, laws."""
