"""The source of a user's model whose forward pass ends the process, in some workers."""

from __future__ import annotations

SOURCE = '''
import os
import signal
from multiprocessing import parent_process
from pathlib import Path

import torch
from torch import nn

MARK = 7.0
ONCE = Path(__file__).with_name("once")


class Digits(nn.Sequential):
    """One whose first weight is the mark ends each worker; with the file ``once``, one of them."""

    def forward(self, inputs):
        inputs = inputs.flatten(1)
        if torch.compiler.is_compiling() or parent_process() is None:
            return super().forward(inputs)
        if float(self[0].weight[0, 0]) == MARK:
            if not ONCE.exists() or not ONCE.with_name("killed").exists():
                ONCE.with_name("killed").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(inputs)


def digits():
    return Digits(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
'''
