"""What a process that opens untrusted files has given up, as the kernel let it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Confinement(BaseModel):
    """What keeps an opener from reaching anything but its document. Of each: whether it is in force."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    no_new_privileges: bool = False
    """No program that it could start would have more rights than it has."""
    not_dumpable: bool = False
    """No other process of this user may look into its memory."""
    landlock_abi: int = Field(default=0, ge=0)
    """Version of Landlock that restricts its files to the document and the libraries, for reading; 0 for none. From 4 on TCP is
    forbidden as well, from 6 on signals to others and abstract sockets."""
    seccomp: bool = False
    """The system calls for sockets, programs and files to write are refused."""
    network_namespace: bool = False
    """It has a network of its own with nothing in it."""

    @property
    def missing(self) -> list[str]:
        """What is not in force, in words; empty if everything is."""
        parts = {
            "no new privileges": self.no_new_privileges,
            "not dumpable": self.not_dumpable,
            "Landlock": self.landlock_abi > 0,
            "seccomp": self.seccomp,
            "a network namespace": self.network_namespace,
        }
        return [name for name, there in parts.items() if not there]

    @property
    def sound(self) -> bool:
        """Whether it can reach no file, socket or program. The network namespace is a second wall behind seccomp's."""
        return bool(self.no_new_privileges and self.not_dumpable and self.landlock_abi and self.seccomp)
