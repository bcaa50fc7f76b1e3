"""Optiflow: all-gather plans for machines with several GPUs, written as programs, run, checked and timed."""

from sigma.aimicius.optiflow.sandbox import SANDBOX
from sigma.aimicius.optiflow.task import TASK, Optiflow

__all__ = ["SANDBOX", "TASK", "Optiflow"]
