"""Find a Chromium for the browser tests, or install one, and axe-core from npm: `python -m tests.browser`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find() -> str | None:
    """Path of a Chromium: $CHROMIUM, one on the PATH, or Playwright's own."""
    if chosen := os.environ.get("CHROMIUM"):
        return chosen
    for name in NAMES:
        if path := shutil.which(name):
            return path
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as driver:
            path = driver.chromium.executable_path
    except Exception:  # no Playwright, or no driver for this system: the same as no browser
        return None
    return path if os.path.exists(path) else None


def install() -> str | None:
    """Install by the system's packages where we may, else by Playwright; returns the path or None."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {"stdin": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "chromium", "fonts-liberation"],
        ):
            subprocess.run(command, check=False, **quiet)
    if find() is None:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


def fetch_axe() -> bool:
    """axe-core as `tests/axe/package-lock.json` names it, with its hash; False where npm cannot: its tests are skipped then."""
    folder = Path(__file__).with_name("axe")
    if (folder / "node_modules" / "axe-core" / "axe.min.js").is_file():
        return True
    if (npm := shutil.which("npm")) is None:
        return False
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    found = find() or install()
    if not fetch_axe():
        print("axe-core could not be fetched by npm: the tests that need it are skipped", file=sys.stderr)
    sys.exit(
        0 if found and not print(f"browser: {found}") else "no Chromium could be found or installed: set CHROMIUM=path"
    )
