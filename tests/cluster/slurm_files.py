"""The files of a private Slurm of one machine: its configuration, a key, and pretended GPUs."""

from __future__ import annotations

import os
import secrets
import socket
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

GPUS = 2
CONFIGURATION = """\
ClusterName=lmctool
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=600
SlurmdTimeout=600
MessageTimeout=60
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=64000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes={host} PriorityTier=10 PreemptMode=OFF
"""
"""Four CPUs, whatever the machine has, and two partitions: jobs of ``high`` push others out."""
PRETENDED = "NodeName={host} Name=gpu File={folder}/gpu[0-{last}] Flags=nvidia_gpu_env\n"


def write_files(folder: Path) -> None:
    """Write what munged, slurmctld and slurmd read; root alone may make devices.

    Args:
        folder: an empty one that nobody else can enter, with a short path: sockets lie in it.
    """
    host = socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(1024))
    for number in range(GPUS):  # what isn't a device is no GPU to Slurm, which says nothing of it
        os.mknod(folder / f"gpu{number}", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    text = CONFIGURATION.format(
        host=host,
        folder=folder,
        controller=controller,
        node=node,
        gpus=GPUS,
    )
    (folder / "slurm.conf").write_text(text)
    (folder / "gres.conf").write_text(PRETENDED.format(host=host, folder=folder, last=GPUS - 1))


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
