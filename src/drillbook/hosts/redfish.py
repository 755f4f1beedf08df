"""Power control through Redfish, with the sushy library. TLS is always verified."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from drillbook.errors import DrillbookError, HostUnreachable, StepFailed
from drillbook.hosts.power import PowerState, read_secret
from drillbook.text import visible

if TYPE_CHECKING:
    from pathlib import Path

_CONNECT_TIMEOUT = 3.0
_READ_TIMEOUT = 10.0
_SWITCH_TIMEOUT = 20.0
_POLL = 0.2


class RedfishPower:
    """The power of one Redfish system. The first call connects; later ones cost one request each."""

    def __init__(self, item: str, *, url: str, system: str, user: str, secret_file: Path, ca_file: Path | None) -> None:
        """Remember where the controller is; nothing is sent.

        ``url`` is the root of the service (https), ``system`` the path of the system, ``ca_file`` the
        certificate authority of the controllers where it is not among the machine's own.
        """
        self._item = item
        self._url = url
        self._path = system
        self._user = user
        self._secret_file = secret_file
        self._ca_file = ca_file
        self._system: Any = None

    def state(self) -> PowerState:
        """See ``PowerDriver``."""
        state: PowerState = self._ask("say whether it is on", self._state)
        return state

    def off(self) -> None:
        """See ``PowerDriver``. ForceOff: no shutdown."""
        self._ask("switch it off", lambda system: self._switch(system, "ForceOff", PowerState.OFF))

    def on(self) -> None:
        """See ``PowerDriver``."""
        self._ask("switch it on", lambda system: self._switch(system, "On", PowerState.ON))

    def _switch(self, system: Any, reset: str, wanted: PowerState) -> None:
        import sushy

        try:
            system.reset_system(sushy.ResetType(reset))
        except sushy.exceptions.HTTPError:
            # Controllers differ on whether ForceOff of a host that is off is an error.
            if self._state(system) is wanted:
                return
            raise
        deadline = time.monotonic() + _SWITCH_TIMEOUT
        while self._state(system) is not wanted:
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"{self._item}: its power control took '{reset}', and {_SWITCH_TIMEOUT:g} s later"
                    f" does not say {wanted}"
                )
            time.sleep(_POLL)

    @staticmethod
    def _state(system: Any) -> PowerState:
        import sushy

        system.refresh(force=True)
        known = {sushy.PowerState.ON: PowerState.ON, sushy.PowerState.OFF: PowerState.OFF}
        return known.get(system.power_state, PowerState.UNKNOWN)

    def _ask(self, what: str, action: Any) -> Any:
        from sushy import exceptions

        logging.getLogger("sushy").setLevel(logging.CRITICAL)
        where = f"{self._item}: its power control at {self._url}"
        try:
            if self._system is None:
                self._system = self._connect()
            return action(self._system)
        except DrillbookError:
            raise
        except exceptions.ConnectionError as error:
            if "certificate verify failed" in str(error):
                raise HostUnreachable(
                    f"{where} shows a certificate that no authority known here vouches for",
                    remedy="name the controllers' certificate authority in the CMDB (power: ca_file)",
                ) from None
            raise HostUnreachable(
                f"{where} does not answer: {visible(_cause(error))}", remedy="is the management network up?"
            ) from None
        except exceptions.AccessError:
            raise StepFailed(
                f"{where} refuses the user '{self._user}'",
                remedy=f"is the password in {self._secret_file} right?",
            ) from None
        except exceptions.SushyError as error:
            raise StepFailed(f"{where} did not {what}: {visible(str(error))}") from None

    def _connect(self) -> Any:
        import sushy
        from sushy.auth import BasicAuth

        password = read_secret(self._secret_file, self._item)
        service = sushy.Sushy(
            self._url,
            # Basic and not session authentication: a crash of ours must not use up the controller's sessions.
            auth=BasicAuth(self._user, password.reveal()),
            verify=str(self._ca_file) if self._ca_file else True,
            # One attempt: whether to try again is decided by who fences, within the step's deadline.
            server_side_retries=1,
            read_timeout=_READ_TIMEOUT,
            connect_timeout=_CONNECT_TIMEOUT,
        )
        return service.get_system(self._path)


def _cause(error: BaseException) -> str:
    """Give the innermost of the sentences that requests and urllib3 wrap around what the network said."""
    return str(error).rsplit(": ", 1)[-1].rstrip("')\"")
