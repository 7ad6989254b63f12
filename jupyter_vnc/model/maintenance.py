"""What is in maintenance: nobody new gets it, and whoever is there may stay."""

from __future__ import annotations

from dataclasses import dataclass, field

#: A target's name and a machine's of its pool; the machine is empty for all of the target.
Place = tuple[str, str]


@dataclass(slots=True)
class Maintenance:
    """What is in maintenance at present; replaced as a whole by whoever reads the database."""

    places: frozenset[Place] = field(default_factory=frozenset)

    def whole(self, target: str) -> bool:
        """Whether all of a target is."""
        return (target, "") in self.places

    def of(self, target: str, machine: str) -> bool:
        """Whether a machine is, by itself or with its whole target."""
        return self.whole(target) or (target, machine) in self.places

    def machines(self, target: str) -> list[str]:
        """List the machines of a target that are by themselves, in the order of their names."""
        return sorted(machine for name, machine in self.places if name == target and machine)
