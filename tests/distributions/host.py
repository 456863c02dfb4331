"""A guard: nothing in a step may make the host wait for the device (or a step could not be captured)."""

from torch.utils._python_dispatch import TorchDispatchMode


class NoHostRead(TorchDispatchMode):
    """Refuses the operations that read a tensor's numbers on the host."""

    REFUSED = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func._schema.name not in self.REFUSED, f"{func} reads the device from the host"
        return func(*args, **(kwargs or {}))
