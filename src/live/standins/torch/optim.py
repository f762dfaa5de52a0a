"""Optimizers have names here, and nothing else: the page does not train."""

from torch._kinds import NotInThePage


class Optimizer:
    def __init__(self, *_, **__):
        raise NotInThePage(f"training (torch.optim.{type(self).__name__})")


class Adam(Optimizer):
    pass


class AdamW(Optimizer):
    pass


class SGD(Optimizer):
    pass
