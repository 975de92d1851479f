"""The supervisors that are measured, each as its manual says it is used, and how their processes are looked at."""
import ctypes
import os
import select
import shutil
import signal
import time
from pathlib import Path

PATIENCE = 60  # seconds, for anything

ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what loses its parent comes to us


class Peer:
    """One supervisor: `scanner` over a directory of services; `logger` is the line of log/run."""

    def __init__(self, name, folder, scanner, logger, supervisor, restart=None, status=None, status_many=None):
        self.name, self.folder, self.scanner, self.logger = name, folder, scanner, logger
        self.supervisor = supervisor  # name of the process that keeps one service
        self.restart, self.status, self.status_many = restart, status, status_many

    def is_here(self):
        return all(self.find(words[0]) for words in (self.scanner, [self.logger.split()[0]]))

    def find(self, program):
        return shutil.which(program, path=self.folder)

    def command(self, words, **values):
        filled = [str(values.get(word[1:-1], word)) if word.startswith("{") else word for word in words]
        return [self.find(filled[0])] + filled[1:]

    def environment(self, scan):
        return {"PATH": f"{self.folder}:/usr/bin:/bin:/usr/sbin:/sbin", "SVDIR": str(scan), "LC_ALL": "C"}


def peers(build):
    debian = "/usr/bin:/usr/sbin:/bin:/sbin"
    every = [
        Peer("svdir", str(build), ["svscan", "{scan}"], "svlogd main", "supervise", ["svctl", "restart", "{name}"],
             ["svctl", "status", "{name}"], ["svctl", "status", "{all}"]),
        Peer("runit", debian, ["runsvdir", "{scan}"], "svlogd main", "runsv", ["sv", "restart", "{name}"],
             ["sv", "status", "{name}"], ["sv", "status", "{all}"]),
        Peer("daemontools", debian, ["svscan", "{scan}"], "multilog ./main", "supervise", None, ["svstat", "{path}"],
             ["svstat", "{all}"]),
        Peer("s6", debian, ["s6-svscan", "{scan}"], "s6-log ./main", "s6-supervise", ["s6-svc", "-wR", "-r", "{path}"],
             ["s6-svstat", "{path}"]),
    ]
    return [peer for peer in every if peer.is_here()]


class Doorbell:
    """A FIFO to which every service writes its name and pid when it starts."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""

    def wait(self, wanted=1):
        """Waits for so many starts; [(name, pid)] in order, and the time at which the last was heard."""
        heard = []
        deadline = time.monotonic() + PATIENCE
        while len(heard) < wanted:
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{len(heard)} of {wanted} services started within {PATIENCE} s")
            *lines, self.rest = (self.rest + os.read(self.fd, 65536)).split(b"\n")
            heard += [(name.decode(), int(pid)) for name, pid in (line.split() for line in lines)]
        return heard, time.monotonic()

    def forget(self):
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)
        self.rest = b""


def make_service(peer, parent, name, bell, logged=False):
    service = Path(parent) / name
    script(service / "run", f"echo {name} $$ > {bell.path}\nexec sleep 100000")
    if logged:
        (service / "log/main").mkdir(parents=True)
        script(service / "log/run", f"exec {peer.logger}")
    return service


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text + "\n")
    path.chmod(0o755)


def start(argv, environment, **where):
    """Starts a program with its output thrown away; its pid."""
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions, setsid=True, **where)
    os.close(null)
    return pid


def time_of(argv, environment):
    """Seconds that a command takes, from before its fork until it is reaped."""
    began = time.monotonic()
    _, status = os.waitpid(start(argv, environment), 0)
    return time.monotonic() - began, os.waitstatus_to_exitcode(status)


class Tree:
    """A scanner and all below it; surely gone at the end of the `with`."""

    def __init__(self, peer, scan):
        self.pid = start(peer.command(peer.scanner, scan=scan), peer.environment(scan))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while left := descendants(os.getpid()):
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in left:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
            reap()


def reap():
    try:
        while os.waitpid(-1, 0)[0]:
            pass
    except ChildProcessError:
        pass


def facts(pid):
    """(name, parent) of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
    return None if rest[0] in "ZX" else (name, int(rest[1]))


def descendants(root):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (found := facts(int(entry))):
            parents.setdefault(found[1], []).append(int(entry))
    result, look = [], [root]
    while look:
        below = parents.get(look.pop(), [])
        result += below
        look += below
    return result


def processes(root, name):
    """The descendants with this name (the kernel keeps 15 characters of it)."""
    return [pid for pid in descendants(root) if (found := facts(pid)) and found[0] == name[:15]]


def memory(pid):
    """(PSS, private) of a process in KiB."""
    rollup = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    kib = {key: int(value.split()[0]) for key, value in rollup.items()}
    return kib["Pss"], kib["Private_Clean"] + kib["Private_Dirty"]


def switches(pid):
    """How often a process has given up or lost the processor."""
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
