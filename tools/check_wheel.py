"""Hold a built wheel against its promises: small, without dependencies, with everything that a command needs."""

import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

MOST_BYTES = 1_500_000
NEEDED = ("flocktime/py.typed", "flocktime/_fallback/clock.py", "flocktime/cli/demo/report.html.jinja")


def main(path: Path) -> None:
    size = path.stat().st_size
    with ZipFile(path) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        described = Parser().parsestr(wheel.read(metadata).decode())
        required = described.get_all("Requires-Dist") or []
        package = wheel.read("flocktime/__init__.py").decode()
    complaints = [f"{name} is missing" for name in NEEDED if name not in names]
    complaints += [f"it depends on {need}" for need in required if "extra ==" not in need]
    if f'__version__ = "{described["Version"]}"' not in package:
        complaints.append(f"its __version__ is not {described['Version']}")
    if size > MOST_BYTES:
        complaints.append(f"{size:,} bytes are more than {MOST_BYTES:,}")
    if complaints:
        sys.exit(f"{path.name}: " + "; ".join(complaints))
    print(f"{path.name}: {size:,} bytes, {len(names)} files, no dependency")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
