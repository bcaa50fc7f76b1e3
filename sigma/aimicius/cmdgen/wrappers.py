"""Programs in front of a tool that only run it: those that change nothing of what it does, and those that are not read."""

from __future__ import annotations

from sigma.aimicius.cmdgen.grammar.meaning import CommandError

# Run the rest of the line once, as it is; how many words of their own follow is asked of `_own`.
PLAIN = frozenset({"time", "nohup", "command", "exec", "nice", "stdbuf"})
# Run it elsewhere, again and again, on some cores or until a time: another command than the tool alone.
OTHER = frozenset(
    "watch timeout numactl taskset ssh pdsh clush parallel xargs docker podman kubectl singularity apptainer enroot bash sh "
    "su chroot unshare nsenter strace perf script".split()
)
WRAPPERS = PLAIN | OTHER


def unwrapped(rest: list[str], notes: list[str]) -> list[str]:
    """The words from the tool on. Raises CommandError for a program that runs it in a way that is not read."""
    while rest and (name := rest[0].rsplit("/", 1)[-1]) in WRAPPERS | {"sudo"}:
        if name in OTHER:
            raise CommandError(
                "wrapper", f"{name} runs another command in its own way, which is not read", name, "(not simulated)\n"
            )
        rest = _behind_sudo(rest[1:]) if name == "sudo" else _behind(name, rest[1:])
        notes.append(
            "sudo is left out: the simulated terminal belongs to root"
            if name == "sudo"
            else f"{name} is left out: it runs the rest as it is"
        )
    return rest


def _behind_sudo(rest: list[str]) -> list[str]:
    while rest:
        if rest[0] in ("-u", "--user") and rest[1:2] == ["root"]:
            rest = rest[2:]
        elif rest[0] in ("-E", "-n", "-H", "-S", "-b", "--", "--user=root", "-uroot", "--preserve-env"):
            rest = rest[1:]
        else:
            break
    return rest


def _behind(name: str, rest: list[str]) -> list[str]:
    while rest and rest[0].startswith("-"):
        takes = (name == "nice" and rest[0] in ("-n", "--adjustment")) or (
            name == "stdbuf" and rest[0] in ("-o", "-e", "-i")
        )
        rest = rest[2 if takes else 1 :]
    return rest
