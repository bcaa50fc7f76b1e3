"""A check for program starts: our package shares its name with a Hub client on PyPI that transformers probes."""

from importlib.metadata import PackageNotFoundError, distribution


def check_foreign_distribution() -> None:
    """RuntimeError when a distribution called `kernels` is installed: transformers would mix it up with this folder."""
    try:
        version = distribution("kernels").version
    except PackageNotFoundError:
        return
    raise RuntimeError(
        f"the PyPI package 'kernels' {version} is installed, and transformers would take this project's kernels/ "
        "folder for it. Run `pip uninstall kernels`, or use a separate virtual environment."
    )
