"""A cached property without the lock that functools' own takes in Python 3.11, where it is most of the cost of a small one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801 - it takes the place of functools' own
        """Compute a property once for each object. Two threads may both compute it: layout's objects stay in one thread."""

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            """Return the value, which later look-ups find on the object itself."""
            if instance is None:
                return self
            value = instance.__dict__[self.attrname] = self.func(instance)
            return value


__all__ = ["cached_property"]
