"""What rights a process that opens untrusted files has given up, as far as the kernel allowed it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Confinement(BaseModel):
    """What keeps an opener from reaching anything but its document, and whether each part is in force."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    no_new_privileges: bool = False
    """No program that it could start would have more rights than it has."""
    not_dumpable: bool = False
    """No other process of this user may read its memory."""
    landlock_abi: int = Field(default=0, ge=0)
    """Version of Landlock that restricts its files to the document and the libraries, for reading; 0 for none.

    From 4 on TCP is forbidden as well, from 6 on signals to others and abstract sockets.
    """
    seccomp: bool = False
    """The system calls for sockets, programs and writing files are refused."""
    network_namespace: bool = False
    """It has a network of its own with nothing in it."""

    @property
    def missing(self) -> list[str]:
        """Return the parts that are not in force, in words. Empty if all are."""
        parts = {
            "no new privileges": self.no_new_privileges,
            "not dumpable": self.not_dumpable,
            "Landlock": self.landlock_abi > 0,
            "seccomp": self.seccomp,
            "a network namespace": self.network_namespace,
        }
        return [name for name, there in parts.items() if not there]

    @property
    def is_sound(self) -> bool:
        """Return whether it can reach no file, socket or program.

        The network namespace is a second barrier behind seccomp's.
        """
        return bool(self.no_new_privileges and self.not_dumpable and self.landlock_abi and self.seccomp)
