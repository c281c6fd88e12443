"""The errors sqlorch raises on purpose.

    SqlorchError
    |-- ConfigError        sqlorch.yml, the environment or a command line is wrong
    |-- ProjectError       the dbt project is wrong: cycle, unknown node, selector, cron
    |   `-- CycleError     its nodes read one another in a circle
    |-- StateError         what we remember is unusable: schema out of date, conflict, locked
    |-- ExecutionError     a node could not even be tried: executor unavailable, session did not open
    |   `-- TransientError by something that may pass; nothing has been done, so it may be tried again
    `-- IntegrationError   something beside dbt failed: an export, a notifier, a sensor

A failing model is a value (:class:`sqlorch.domain.run.NodeResult`), never one of these.
A message says what is wrong, where (``file:line`` when known) and what to do next.
"""

from __future__ import annotations


class SqlorchError(Exception):
    """Base of every error a user may see; its text is the whole message."""


class ConfigError(SqlorchError):
    """Settings, environment or arguments cannot be used."""


class ProjectError(SqlorchError):
    """The dbt project cannot be read or does not hold together."""


class CycleError(ProjectError):
    """The nodes of a project read one another in a circle.

    Attributes:
        cycles: for each independent circle the unique ids from parent to child, the first one repeated at the
            end, and the file of each.
    """

    def __init__(self, message: str, cycles: tuple[tuple[tuple[str, str], ...], ...]) -> None:
        super().__init__(message)
        self.cycles = cycles


class StateError(SqlorchError):
    """The state store is locked, out of date or contradicts what is asked."""


class ExecutionError(SqlorchError):
    """Nothing could be executed: dbt did not open, the warehouse is unreachable."""


class TransientError(ExecutionError):
    """Nothing could be executed now, and nothing was; another try may do."""


class IntegrationError(SqlorchError):
    """An export, notifier or sensor failed."""
