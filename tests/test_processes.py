"""Who a process is: on this machine, whatever its clock is set to."""

import os
import subprocess
import sys

import psutil
import pytest

from dreaming.processes import ProcessIdentity, this_process


def test_an_identity_that_was_written_is_read_again():
    """And is alive."""
    own = this_process()
    assert ProcessIdentity.parse(str(own)) == own
    assert own.pid == os.getpid()
    assert own.is_alive() is True


def test_a_process_that_ended_is_dead_and_so_is_one_whose_number_another_has():
    """And one from before the machine was started again."""
    own = this_process()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    assert ProcessIdentity(own.host, own.boot_id, ended.pid, own.started).is_alive() is False
    assert ProcessIdentity(own.host, own.boot_id, own.pid, own.started - 60).is_alive() is False
    assert ProcessIdentity(own.host, "another boot", own.pid, own.started).is_alive() is False
    assert ProcessIdentity("another host", own.boot_id, own.pid, own.started).is_alive() is None


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the time of the boot is told otherwise"
)
def test_a_clock_that_is_set_changes_nobody(monkeypatch):
    """As after a laptop slept, or with NTP."""
    own = this_process()
    told = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: told + 7_200)
    monkeypatch.setattr("psutil.boot_time", lambda: told + 7_200)
    assert own.is_alive() is True
